"""Logging: one JSON object a line in production, readable lines elsewhere, never a secret.

The request id and whatever else is bound for the request (`structlog.contextvars`) stands on every
line. Values of `key=` in addresses are struck out, because the seed API takes its key there.
"""

import logging
import logging.config
import re

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

_SECRET_IN_ADDRESS = re.compile(r"([?&;](?:key|token|api_key)=)[^&\s\"']+", re.IGNORECASE)
_TOKEN = re.compile(r"\b(hy[ad]_(?:live_)?)[0-9A-Za-z_]{8,}")


def without_secrets(text: str) -> str:
    """`text` with key values in addresses and our own tokens struck out."""
    return _TOKEN.sub(r"\1***", _SECRET_IN_ADDRESS.sub(r"\1***", text))


def strike_out_secrets(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """The last processor before rendering: nothing after it adds text."""
    return {
        name: without_secrets(value) if isinstance(value, str) else value
        for name, value in event.items()
    }


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
            strike_out_secrets,
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
