"""Logs: ranges of bytes come in, ranges of bytes go out. Nothing is lost, nothing stands twice."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from functools import lru_cache

from django.db import IntegrityError, transaction
from django.db.models import F
from django.db.models.functions import Now

from agents.models import Agent
from deployments.models import Job, JobState, LogChunk, Snapshot
from deployments.services import jobs
from hydra import hints
from hydra.errors import Invalid

MAX_CHUNK_BYTES = 1024 * 1024
READ_BYTES = 1024 * 1024
SHORTEST_SECRET = 6  # shorter ones would blank ordinary words


def append(
    agent: Agent, *, job_uid: str, fence: int, offset: int, content: bytes
) -> tuple[int, bool]:
    """Store what is new of `content` and answer (next offset, whether the job is canceled).

    The agent goes on from the next offset, whatever it thought: a range that came before is
    trimmed, one that leaves a gap is not taken.
    """
    job = (
        Job.objects.filter(uid=job_uid, agent=agent)
        .select_related("deployment")
        .only(
            "fence",
            "state",
            "session",
            "log_size",
            "deployment__uid",
            "deployment__cancel_requested_at",
            "deployment__snapshot_id",
        )
        .first()
    )
    if job is None or job.fence != fence:
        raise jobs.Fenced("The job is no longer this agent's.")
    if job.state != JobState.RUNNING and not jobs.keeps(job, agent):
        raise jobs.Fenced("The job is no longer this agent's.")
    is_canceled = job.deployment.cancel_requested_at is not None
    if offset > job.log_size or offset + len(content) <= job.log_size:
        return job.log_size, is_canceled
    fresh = content[job.log_size - offset :]
    store(job, fresh)
    hints.wake("deployment", job.deployment.uid)
    return job.log_size, is_canceled


def store(job: Job, fresh: bytes) -> None:
    """Append `fresh` at the end as it was read; who was overtaken learns the new end."""
    start = job.log_size
    masked = mask(fresh, secrets_of(job.deployment.snapshot_id))
    packed = zlib.compress(masked, 1)  # before the transaction: on SQLite nobody else writes in it
    end = start + len(fresh)
    try:
        with transaction.atomic():
            LogChunk.objects.create(job=job, offset=start, length=len(fresh), content=packed)
            Job.objects.filter(pk=job.pk, log_size=start).update(
                log_size=end, lease_until=leased_on(job)
            )
        job.log_size = end
    except IntegrityError:  # another request stored this range a moment ago
        job.refresh_from_db(fields=["log_size"])


def leased_on(job: Job) -> object:
    """Bytes are a sign of life; a job that was given up gets no lease by them."""
    return Now() + jobs.lease_duration() if job.state == JobState.RUNNING else F("lease_until")


@lru_cache(maxsize=512)
def secrets_of(snapshot_id: int) -> tuple[bytes, ...]:
    """What must not stand in the logs of deployments of this snapshot, which never changes."""
    snapshot = Snapshot.objects.get(pk=snapshot_id)
    values = snapshot.open_content()["secrets"]
    encoded = {value.encode() for value in values if len(value) >= SHORTEST_SECRET}
    return tuple(sorted(encoded, key=len, reverse=True))  # one may be within another


def mask(content: bytes, secrets: tuple[bytes, ...]) -> bytes:
    """`content` with stars over secrets, of equal length, so that offsets stay true.

    The agent has masked before; this is for an agent that does not.
    """
    for secret in secrets:
        if secret in content:
            content = content.replace(secret, b"*" * len(secret))
    return content


def check_crc(content: bytes, crc32: str) -> None:
    if f"{zlib.crc32(content):08x}" != crc32.lower():
        raise Invalid.at("crc32", "The bytes do not have the checksum that was sent with them.")


def read(job: Job, *, after: int, limit: int = READ_BYTES) -> bytes:
    """Up to `limit` bytes of the log from offset `after` on."""
    return b"".join(pieces(job.pk, after=after, until=after + limit))


def pieces(job_pk: int, *, after: int, until: int | None = None) -> Iterator[bytes]:
    """The log from `after` on, chunk by chunk, so that a long one is never whole in memory."""
    position = after
    chunks = LogChunk.objects.filter(job=job_pk, offset__gte=after - MAX_CHUNK_BYTES)
    if until is not None:
        chunks = chunks.filter(offset__lt=until)
    for chunk in chunks.order_by("offset").iterator(chunk_size=4):
        if chunk.offset + chunk.length <= position:
            continue
        content = zlib.decompress(chunk.content)[position - chunk.offset :]
        if until is not None:
            content = content[: until - position]
        if not content:
            return
        position += len(content)
        yield content
