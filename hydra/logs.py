"""Logging: one JSON object a line in production, readable lines elsewhere, never a secret.

The request id and whatever else is bound for the request (`structlog.contextvars`) stands on every
line. Credentials are struck out last, when everything that can bring one is part of the line.
"""

import logging
import logging.config
from collections.abc import Iterator

import structlog
from structlog.typing import Processor

from hydra import masking


def configure(*, level: str, as_json: bool) -> None:
    """Send the lines of structlog and of the standard library through one formatter to stderr."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    render: Processor = (
        structlog.processors.JSONRenderer()
        if as_json
        else structlog.dev.ConsoleRenderer(colors=False)
    )
    formatter = {
        "()": structlog.stdlib.ProcessorFormatter,
        "foreign_pre_chain": [*shared, structlog.stdlib.ExtraAdder()],
        "processors": [
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            masking.mask_event,
            render,
        ],
    }
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {"line": formatter},
            "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
            "root": {"handlers": ["stderr"], "level": level},
            "loggers": {
                "httpx": {"level": "WARNING"},
                "httpcore": {"level": "WARNING"},
                # Django logs every 4xx as a warning; the access log already has them.
                "django.request": {"level": "ERROR"},
            },
        }
    )
    for handler in handlers_of_servers():
        handler.addFilter(masking.MaskingFilter())


def handlers_of_servers() -> Iterator[logging.Handler]:
    """What gunicorn and uvicorn made before they loaded the application, for lines of their own:
    of a request that cannot be read they say what stands in it, key and all.
    """
    for name in ("gunicorn.error", "gunicorn.access", "uvicorn", "uvicorn.access"):
        yield from logging.getLogger(name).handlers
