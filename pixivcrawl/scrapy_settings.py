"""Decides for each Scrapy setting whether it is obeyed, depends on another one, or is refused in one line."""

from __future__ import annotations

import codecs
import logging
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from scrapy.settings import SETTINGS_PRIORITIES, BaseSettings, default_settings
from scrapy.utils.misc import load_object
from scrapy.utils.project import ENVVAR

from pixivcrawl.api.text import one_line, quoted
from pixivcrawl.config_file import nearest
from pixivcrawl.errors import ConfigurationError

OBEYED: dict[str, tuple[str, ...]] = {
    "what a run is made of": (
        "ADDONS", "BOT_NAME", "COMMANDS_MODULE", "DOWNLOADER", "DOWNLOADER_MIDDLEWARES", "DOWNLOADER_MIDDLEWARES_BASE",
        "DOWNLOAD_HANDLERS", "DOWNLOAD_HANDLERS_BASE", "EXTENSIONS", "EXTENSIONS_BASE", "ITEM_PIPELINES", "ITEM_PIPELINES_BASE",
        "ITEM_PROCESSOR", "REQUEST_FINGERPRINTER_CLASS", "SCHEDULER", "SCHEDULER_DEBUG", "SCHEDULER_MEMORY_QUEUE",
        "SCHEDULER_PRIORITY_QUEUE", "SCHEDULER_START_MEMORY_QUEUE", "SPIDER_LOADER_CLASS", "SPIDER_LOADER_WARN_ONLY",
        "SPIDER_MIDDLEWARES", "SPIDER_MIDDLEWARES_BASE", "SPIDER_MODULES", "STATS_CLASS",
    ),
    "how requests are sent": (
        "CONCURRENT_ITEMS", "CONCURRENT_REQUESTS", "CONCURRENT_REQUESTS_PER_DOMAIN", "DEFAULT_REQUEST_HEADERS",
        "DOWNLOAD_BIND_ADDRESS", "DOWNLOAD_DELAY", "DOWNLOAD_DELAY_JITTER", "DOWNLOAD_MAXSIZE", "DOWNLOAD_SLOTS",
        "DOWNLOAD_TIMEOUT", "DOWNLOAD_WARNSIZE", "HTTPPROXY_AUTH_ENCODING", "HTTPPROXY_ENABLED", "RANDOMIZE_DOWNLOAD_DELAY",
        "SCRAPER_SLOT_MAX_ACTIVE_SIZE", "USER_AGENT",
    ),
    "when a run ends, and what monitors it": (
        "CLOSESPIDER_ERRORCOUNT", "CLOSESPIDER_ITEMCOUNT", "CLOSESPIDER_PAGECOUNT", "CLOSESPIDER_PAGECOUNT_NO_ITEM",
        "CLOSESPIDER_TIMEOUT", "CLOSESPIDER_TIMEOUT_NO_ITEM", "DOWNLOADER_STATS", "LOGSTATS_INTERVAL", "MEMDEBUG_ENABLED",
        "MEMUSAGE_CHECK_INTERVAL_SECONDS", "MEMUSAGE_ENABLED", "MEMUSAGE_LIMIT_MB", "MEMUSAGE_NOTIFY_MAIL",
        "MEMUSAGE_WARNING_MB", "REMOTE_CONTROL_ENABLED", "STATS_DUMP", "TELNETCONSOLE_ENABLED",
    ),
    "the log": (
        "DEFAULT_DROPITEM_LOG_LEVEL", "LOG_COLOR", "LOG_DATEFORMAT", "LOG_ENABLED", "LOG_ENCODING", "LOG_FILE", "LOG_FILE_APPEND",
        "LOG_FORMAT", "LOG_FORMATTER", "LOG_INSTALL_ROOT_HANDLER", "LOG_LEVEL", "LOG_SHORT_NAMES", "LOG_STDOUT", "LOG_VERSIONS",
        "WARN_ON_GENERATOR_RETURN_VALUE",
    ),
    "feeds": (
        "FEEDS", "FEED_EXPORTERS", "FEED_EXPORTERS_BASE", "FEED_EXPORT_BATCH_ITEM_COUNT", "FEED_EXPORT_ENCODING",
        "FEED_EXPORT_FIELDS", "FEED_EXPORT_INDENT", "FEED_FORMAT", "FEED_STORAGES", "FEED_STORAGES_BASE", "FEED_STORE_EMPTY",
        "FEED_URI", "FEED_URI_PARAMS",
    ),
    "the process": (
        "ASYNCIO_EVENT_LOOP", "REACTOR_THREADPOOL_MAXSIZE", "TWISTED_REACTOR_ENABLED",
    ),
    "Scrapy's own commands": (
        "DEFAULT_ITEM_CLASS", "EDITOR", "NEWSPIDER_MODULE", "SPIDER_CONTRACTS", "SPIDER_CONTRACTS_BASE", "TEMPLATES_DIR",
    ),
}  # fmt: skip
"""The settings that mean what Scrapy says they mean, by topic."""

INERT: dict[str, tuple[str, ...]] = {
    "TELNETCONSOLE_ENABLED": (
        "TELNETCONSOLE_HOST", "TELNETCONSOLE_PASSWORD", "TELNETCONSOLE_PORT", "TELNETCONSOLE_USERNAME",
    ),
    "REMOTE_CONTROL_ENABLED": (
        "REMOTE_CONTROL_JOBS_DIR", "REMOTE_CONTROL_OUTPUT_MAX_BYTES", "REMOTE_CONTROL_TIMEOUT_DEFAULT",
        "REMOTE_CONTROL_TIMEOUT_MAX", "REMOTE_CONTROL_TRACEBACK_MAX_BYTES",
    ),
    "MEMUSAGE_NOTIFY_MAIL": (
        "MAIL_FROM", "MAIL_HOST", "MAIL_PASS", "MAIL_PORT", "MAIL_SSL", "MAIL_TLS", "MAIL_USER",
    ),
    "EXTENSIONS (scrapy.extensions.statsmailer.StatsMailer)": ("STATSMAILER_RCPTS",),
    "EXTENSIONS (scrapy.extensions.periodic_log.PeriodicLog)": (
        "PERIODIC_LOG_DELTA", "PERIODIC_LOG_STATS", "PERIODIC_LOG_TIMING_ENABLED",
    ),
    "FEEDS (s3://, gs:// or ftp://)": (
        "AWS_ACCESS_KEY_ID", "AWS_ENDPOINT_URL", "AWS_MAX_POOL_CONNECTIONS", "AWS_REGION_NAME", "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN", "AWS_USE_SSL", "AWS_VERIFY", "FEED_STORAGE_FTP_ACTIVE", "FEED_STORAGE_GCS_ACL",
        "FEED_STORAGE_S3_ACL", "FEED_TEMPDIR", "GCS_PROJECT_ID",
    ),
    "ITEM_PIPELINES (Scrapy's FilesPipeline or ImagesPipeline)": (
        "FILES_STORE", "FILES_STORE_GCS_ACL", "FILES_STORE_S3_ACL", "IMAGES_STORE", "IMAGES_STORE_GCS_ACL", "IMAGES_STORE_S3_ACL",
    ),
    "DOWNLOAD_HANDLERS (one of Scrapy's)": (
        "FTP_PASSIVE_MODE", "FTP_PASSWORD", "FTP_USER", "HTTP2_MAX_FRAME_SIZE", "HTTPX_HTTP2_ENABLED",
    ),
    "SPIDER_MODULES (a CrawlSpider of your own)": ("CRAWLSPIDER_FOLLOW_LINKS",),
}  # fmt: skip
"""The settings that do nothing until a switch is set, as in every Scrapy project, by that switch."""

NOT_OBEYED = object()
"""There is no value with which the setting would be obeyed."""


@dataclass(frozen=True, slots=True)
class Refused:
    """Why a setting is refused and what to use instead. The value `always` is accepted, because it is in force anyway."""

    instead: str
    always: Any = NOT_OBEYED


_PACE = "pixivcrawl has its own pace: use PIXIV_API_DELAY, PIXIV_API_CONCURRENCY, PIXIV_IMAGE_DELAY and PIXIV_IMAGE_CONCURRENCY"
_JOURNAL = "every answer is kept in the archive's journal, and known things are not asked for again: use refresh=true to ask again"
_RETRIES = "use PIXIV_API_RETRIES, PIXIV_API_RETRY_DELAY and PIXIV_IMAGE_RETRY_DELAY"
_SESSION = "only the session's cookie is kept: set PIXIV_PHPSESSID or PIXIV_COOKIE_FILE"
_ROBOTS = "a person's own session reads what that person may see, at that person's pace: leave it out"
_DEPTH = "a list is read to its end: use max_works=N to read less of it"
_LEDGER = "the ledger knows what was asked for: use reread=true or refresh=true to ask again"
_REDIRECTS = "redirects to other places are not followed, so that the session goes nowhere else: leave it out"
_REFERER = "each request has the Referer that pixiv expects: leave it out"
_STATUSES = "answers are classified before a spider sees them: leave it out"
_TLS = "certificates are always verified: name your own authority in SSL_CERT_FILE, and versions and ciphers in OPENSSL_CONF"
_NAMES = "the system looks up names: leave it out"

REFUSED: dict[str, Refused] = {
    **dict.fromkeys(("AUTOTHROTTLE_DEBUG", "AUTOTHROTTLE_MAX_DELAY", "AUTOTHROTTLE_START_DELAY"), Refused(_PACE)),
    "AUTOTHROTTLE_TARGET_CONCURRENCY": Refused(_PACE),
    "AUTOTHROTTLE_ENABLED": Refused(_PACE, always=False),
    "COMPRESSION_ENABLED": Refused("the download handler asks for gzip by itself: leave it out", always=False),
    "COOKIES_ENABLED": Refused(_SESSION, always=False),
    "COOKIES_DEBUG": Refused(_SESSION, always=False),
    **dict.fromkeys(("DEPTH_LIMIT", "DEPTH_PRIORITY"), Refused(_DEPTH, always=0)),
    "DEPTH_STATS_VERBOSE": Refused(_DEPTH, always=False),
    **dict.fromkeys(("DNSCACHE_ENABLED", "DNSCACHE_SIZE", "DNS_RESOLVER", "DNS_TIMEOUT", "TWISTED_DNS_RESOLVER"), Refused(_NAMES)),
    **dict.fromkeys(("DOWNLOADER_CLIENTCONTEXTFACTORY", "DOWNLOADER_CLIENT_TLS_CIPHERS", "DOWNLOADER_CLIENT_TLS_METHOD"), Refused(_TLS)),
    "DOWNLOADER_CLIENT_TLS_VERBOSE_LOGGING": Refused(_TLS, always=False),
    **dict.fromkeys(("DOWNLOAD_TLS_MAX_VERSION", "DOWNLOAD_TLS_MIN_VERSION"), Refused(_TLS)),
    "DOWNLOAD_VERIFY_CERTIFICATES": Refused(_TLS, always=True),
    "DOWNLOAD_FAIL_ON_DATALOSS": Refused("a body that was cut short is never kept: leave it out", always=True),
    "DUPEFILTER_CLASS": Refused(_LEDGER, always="scrapy.dupefilters.BaseDupeFilter"),
    "DUPEFILTER_DEBUG": Refused(_LEDGER, always=False),
    "FORCE_CRAWLER_PROCESS": Refused("the download handler needs an AsyncCrawlerProcess: leave it out", always=False),
    **dict.fromkeys(("HTTPAUTH_DOMAIN", "HTTPAUTH_PASS", "HTTPAUTH_USER"), Refused(_SESSION)),
    "HTTPCACHE_ENABLED": Refused(_JOURNAL, always=False),
    **dict.fromkeys(
        (
            "HTTPCACHE_ALWAYS_STORE", "HTTPCACHE_DBM_MODULE", "HTTPCACHE_DIR", "HTTPCACHE_EXPIRATION_SECS", "HTTPCACHE_GZIP",
            "HTTPCACHE_IGNORE_HTTP_CODES", "HTTPCACHE_IGNORE_MISSING", "HTTPCACHE_IGNORE_RESPONSE_CACHE_CONTROLS",
            "HTTPCACHE_IGNORE_SCHEMES", "HTTPCACHE_POLICY", "HTTPCACHE_STORAGE",
        ),
        Refused(_JOURNAL),
    ),
    **dict.fromkeys(("HTTPERROR_ALLOWED_CODES", "HTTPERROR_ALLOW_ALL"), Refused(_STATUSES)),
    **dict.fromkeys(
        ("JOBDIR", "SCHEDULER_DISK_QUEUE", "SCHEDULER_START_DISK_QUEUE"),
        Refused("requests on disk would contain the session: leave it out; a run continues from the archive's ledger"),
    ),
    "METAREFRESH_ENABLED": Refused(_REDIRECTS, always=False),
    **dict.fromkeys(("METAREFRESH_IGNORE_TAGS", "METAREFRESH_MAXDELAY"), Refused(_REDIRECTS)),
    "REDIRECT_ENABLED": Refused(_REDIRECTS, always=False),
    **dict.fromkeys(("REDIRECT_MAX_TIMES", "REDIRECT_PRIORITY_ADJUST"), Refused(_REDIRECTS)),
    "REFERER_ENABLED": Refused(_REFERER, always=False),
    **dict.fromkeys(("REFERRER_POLICIES", "REFERRER_POLICY"), Refused(_REFERER)),
    "RETRY_ENABLED": Refused(_RETRIES, always=False),
    **dict.fromkeys(
        ("RETRY_EXCEPTIONS", "RETRY_GIVE_UP_LOG_LEVEL", "RETRY_HTTP_CODES", "RETRY_PRIORITY_ADJUST", "RETRY_TIMES"),
        Refused(_RETRIES),
    ),
    "ROBOTSTXT_OBEY": Refused(_ROBOTS, always=False),
    **dict.fromkeys(("ROBOTSTXT_PARSER", "ROBOTSTXT_USER_AGENT"), Refused(_ROBOTS)),
    "TWISTED_REACTOR": Refused(
        "the download handler needs asyncio: leave it out", always="twisted.internet.asyncioreactor.AsyncioSelectorReactor"
    ),
    "URLLENGTH_LIMIT": Refused("a hundred ids in one address are longer than any limit: leave it out"),
}  # fmt: skip
"""The settings that would do nothing here, or harm."""

OBJECTS = {
    "ASYNCIO_EVENT_LOOP", "DEFAULT_ITEM_CLASS", "DOWNLOADER", "FEED_URI_PARAMS", "ITEM_PROCESSOR", "LOG_FORMATTER",
    "REQUEST_FINGERPRINTER_CLASS", "SCHEDULER", "SCHEDULER_MEMORY_QUEUE", "SCHEDULER_PRIORITY_QUEUE", "SCHEDULER_START_MEMORY_QUEUE",
    "SPIDER_LOADER_CLASS", "STATS_CLASS",
}  # fmt: skip
"""The settings that name a class or function by its path."""

KEYS_ARE_OBJECTS = {
    "ADDONS", "DOWNLOADER_MIDDLEWARES", "EXTENSIONS", "ITEM_PIPELINES", "SPIDER_CONTRACTS", "SPIDER_MIDDLEWARES",
}  # fmt: skip
VALUES_ARE_OBJECTS = {"DOWNLOAD_HANDLERS", "FEED_EXPORTERS", "FEED_STORAGES"}

MISSPELLED = 0.85
"""How much a name on the command line resembles the one that it must mean; one of an extension of the user's own is unlike all of them."""

MAY_BE_FRACTIONS = {"CLOSESPIDER_TIMEOUT", "DOWNLOAD_DELAY", "DOWNLOAD_TIMEOUT"}
"""Seconds whose default is a whole number."""

ON_DEMAND = {
    "REMOTE_CONTROL_ENABLED": "scrapy.extensions.remote_control.RemoteControl",
    "TELNETCONSOLE_ENABLED": "scrapy.extensions.telnet.TelnetConsole",
}
"""Scrapy's extensions that are imported only when somebody switches them on: that takes 30 ms, of a start's 700."""


class ScrapySettings:
    """The add-on that checks the settings of every crawl and of every Scrapy command before they are used."""

    @classmethod
    def update_pre_crawler_settings(cls, settings: BaseSettings) -> None:
        """Raises ConfigurationError as `refuse` does."""
        refuse(settings)

    def update_settings(self, settings: BaseSettings) -> None:
        """Raises ConfigurationError for settings that a spider adds."""
        refuse(settings)
        for name, extension in ON_DEMAND.items():
            if settings.getbool(name):
                settings.setdefault_in_component_priority_dict("EXTENSIONS", load_object(extension), 0)


def refuse(settings: BaseSettings) -> None:
    """Raises ConfigurationError for the first setting that somebody set and that would not be obeyed, or cannot be read."""
    for _, refusal in refused_in(settings):
        raise refusal


def refused_in(settings: BaseSettings) -> Iterator[tuple[str, ConfigurationError]]:
    """The settings that somebody set and that would not be obeyed or cannot be read, each with the line that says what to do instead.

    What Scrapy itself or one of its commands sets is nobody's wish.
    """
    for name, refused in REFUSED.items():
        is_wished = (settings.getpriority(name) or 0) > SETTINGS_PRIORITIES["command"]
        if is_wished and not _is_always_so(settings, name, refused.always):
            yield name, ConfigurationError(f"{name} is refused: {refused.instead}")
    known = {*default_settings.__all__, *_of_the_project()}
    for name in settings:
        is_typed = settings.getpriority(name) == SETTINGS_PRIORITIES["cmdline"]
        if is_typed and name not in known and (meant := nearest(name, known, MISSPELLED)) is not None:
            yield name, ConfigurationError(f"-s {name}: nothing reads it: did you mean {meant}?")
    for name in (name for names in OBEYED.values() for name in names):
        # What the project sets can be read.
        is_given = (settings.getpriority(name) or 0) > SETTINGS_PRIORITIES["project"]
        if is_given and (why := _why_unreadable(settings, name)) is not None:
            yield name, ConfigurationError(f"{name}: {why}")


def _of_the_project() -> Iterable[str]:
    """The names that the project's settings module has; none where the settings came from elsewhere."""
    module = sys.modules.get(os.environ.get(ENVVAR, ""))
    return () if module is None else (name for name in vars(module) if name.isupper())


def _why_unreadable(settings: BaseSettings, name: str) -> str | None:
    given, usual = settings[name], getattr(default_settings, name, None)
    if name in ("LOG_LEVEL", "DEFAULT_DROPITEM_LOG_LEVEL"):
        levels = logging.getLevelNamesMapping()
        return (
            None
            if str(given) in levels or given in levels.values()
            else f"{quoted(given)} is none of {', '.join(levels)}"
        )
    if name == "LOG_FILE":
        return (
            None
            if given is None or _can_be_written(Path(given))
            else f"{quoted(given)} cannot be written: name another file"
        )
    if name.endswith("_ENCODING"):
        return (
            None if given is None or _is_encoding(str(given)) else f"{quoted(given)} is no encoding that Python knows"
        )
    takes_fractions = isinstance(usual, float) or name in MAY_BE_FRACTIONS
    try:
        if isinstance(usual, bool):
            settings.getbool(name)
        elif takes_fractions:
            settings.getfloat(name)
        elif isinstance(usual, int):
            settings.getint(name)
    except (TypeError, ValueError):
        wanted = "true or false" if isinstance(usual, bool) else "a number" if takes_fractions else "a whole number"
        return f"{quoted(given)} is not {wanted}"
    if name == "SPIDER_MODULES":
        return next(filter(None, (_why_not_found(each, import_module) for each in settings.getlist(name))), None)
    return next(filter(None, map(_why_not_found, _objects_named(name, given))), None)


def _is_encoding(name: str) -> bool:
    try:
        codecs.lookup(name)
    except LookupError:
        return False
    return True


def _can_be_written(file: Path) -> bool:
    return not file.is_dir() and os.access(file if file.exists() else file.absolute().parent, os.W_OK)


def _objects_named(name: str, given: Any) -> Iterable[Any]:
    if name in OBJECTS:
        return () if given is None else (given,)
    if isinstance(given, Mapping):
        used = {key: value for key, value in given.items() if value is not None}
        return used.keys() if name in KEYS_ARE_OBJECTS else used.values() if name in VALUES_ARE_OBJECTS else ()
    return ()


def _why_not_found(path: Any, load: Callable[[Any], object] = load_object) -> str | None:
    try:
        load(path)
    except (AttributeError, ImportError, NameError, SyntaxError, TypeError, ValueError) as error:
        return f"{quoted(path)} cannot be imported ({one_line(str(error))}): install it, or correct its name"
    return None


def _is_always_so(settings: BaseSettings, name: str, always: Any) -> bool:
    if always is NOT_OBEYED:
        return False
    try:
        # A command line brings texts.
        given = settings.getbool(name) if isinstance(always, bool) else type(always)(settings[name])
    except (TypeError, ValueError):
        return False
    return bool(given == always)
