"""Every value that differs from Scrapy's default, with that default and the reason; then our own settings.

Each of our own, and USER_AGENT, can also be written in pixivcrawl.toml, in lower case, or given in the environment as
PIXIVCRAWL_<NAME>, which wins over the file; `-s NAME=value` on the command line wins over both. A session is a secret and no
setting: see PIXIV_COOKIE_FILE below.
"""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec
from typing import Any

# isort: off
# First: what interrupts the imports is then said in one line.
from pixivcrawl.commands import is_command_line

# isort: on
from pixivcrawl import config_file, configuration
from pixivcrawl.archive import verdict

_written, _asked = config_file.read(), set[str]()


def from_environment(name: str, otherwise: Any) -> Any:
    """PIXIVCRAWL_<NAME> of the environment, where it is set and not empty; else what pixivcrawl.toml says."""
    _asked.add(name)
    return os.environ.get(f"PIXIVCRAWL_{name}") or _written.get(name, otherwise)


def asked_of(package: str) -> str:
    """The module in `package` of the command that this process was asked for; the whole package when it is none of them."""
    command = next((word for word in sys.argv[1:] if not word.startswith("-")), "")
    is_known = command.isidentifier() and find_spec(f"{package}.{command}") is not None
    return f"{package}.{command}" if is_command_line() and is_known else package


def pipeline(name: str) -> str:
    """The path of a pipeline. Their package lies beside this one: in a wheel both are part of `pixivcrawl`."""
    return f"{__name__.removesuffix('settings.base')}pipelines.{name}"


# What the project is made of

# Default "scrapybot".
BOT_NAME = "pixivcrawl"

# Default [].
SPIDER_MODULES = ["pixivcrawl.spiders"]

# Default scrapy.spiderloader.SpiderLoader, which imports every spider at each start. Ours imports the one that is asked for.
SPIDER_LOADER_CLASS = "pixivcrawl.spiders.loader.LazySpiderLoader"

# Default "". Our own commands, and a `crawl` with exit codes. At each start Scrapy imports every command there with everything that it
# imports, which makes a run with nothing new take 1.14 times as long (median of 14 pairs); so only the command that was asked for is named.
COMMANDS_MODULE = asked_of("pixivcrawl.commands")

# Default {}. Refuses in one line settings that would not be obeyed, see docs/settings.md.
ADDONS = {"pixivcrawl.scrapy_settings.ScrapySettings": 0}

# Default {}. What happens to an item, in this order; facts pass the first three unchanged.
ITEM_PIPELINES = {
    pipeline("originals.OriginalsPipeline"): 100,
    pipeline("validation.ValidationPipeline"): 200,
    pipeline("storage.StoragePipeline"): 300,
    pipeline("metadata.MetadataPipeline"): 400,
}

# Default {}. Wrong feeds are refused before anything is opened; the ledger is opened before anything reads it.
EXTENSIONS: dict[str, int | None] = {
    "pixivcrawl.extensions.feeds.TypedFeedExporter": -100,
    "pixivcrawl.extensions.ledger.LedgerExtension": 0,
    "pixivcrawl.extensions.garbage_collection.GarbageCollection": 100,
    "pixivcrawl.extensions.on_stored.OnStored": 200,
    "pixivcrawl.extensions.ugoira_video.UgoiraVideo": 200,
    "pixivcrawl.extensions.progress.reporter.Progress": 500,
    "pixivcrawl.extensions.run_record.RunRecord": 500,
}

# Default: Scrapy's eleven; each that is named is imported, even to be switched off. Left out: the feed exporter, which ours replaces; the
# two that keep state in JOBDIR or set the pace, whose settings are refused; and the two consoles, which are imported when somebody
# switches them on.
EXTENSIONS_BASE = {
    "scrapy.extensions.corestats.CoreStats": 0,
    "scrapy.extensions.logcount.LogCount": 0,
    "scrapy.extensions.memusage.MemoryUsage": 0,
    "scrapy.extensions.memdebug.MemoryDebugger": 0,
    "scrapy.extensions.closespider.CloseSpider": 0,
    "scrapy.extensions.logstats.LogStats": 0,
}

# Default 60 seconds. Progress writes a line a minute.
LOGSTATS_INTERVAL = 0

# Default True, both. They execute Python code that is sent to a local port.
TELNETCONSOLE_ENABLED = False
REMOTE_CONTROL_ENABLED = False

# Default: Scrapy's sixteen. None of them is used here; naming one in DOWNLOADER_MIDDLEWARES, even to switch it off, would import it, and
# what it imports, in every run. Their work is done elsewhere (cookies, retries, redirects, compression, timeouts, foreign hosts; headers,
# the environment's proxy and Scrapy's counts by the download handler, which originals reach without any middleware) or not at all (HTTP
# authentication, cache, robots.txt).
DOWNLOADER_MIDDLEWARES_BASE: dict[str, int | None] = {}

# Default {}.
DOWNLOADER_MIDDLEWARES = {
    # Nearest to the spider: its verdict on an answer is final.
    "pixivcrawl.downloadermiddlewares.answers.AnswersMiddleware": 10,
    # Nearest to the handler: only it adds secrets.
    "pixivcrawl.downloadermiddlewares.session.SessionMiddleware": 700,
}

# Default {}. An API answer without a body never reaches a spider as a response, so there are no HTTP errors to filter;
# URLs are built by the catalogue, and a hundred ids in one are longer than Scrapy's limit; depth and copied meta are
# not used.
SPIDER_MIDDLEWARES: dict[str, int | None] = {
    "scrapy.spidermiddlewares.httperror.HttpErrorMiddleware": None,
    "scrapy.spidermiddlewares.referer.RefererMiddleware": None,
    "scrapy.spidermiddlewares.urllength.UrlLengthMiddleware": None,
    "scrapy.spidermiddlewares.depth.DepthMiddleware": None,
    "scrapy.spidermiddlewares.metacopy.MetaCopyDetectionMiddleware": None,
}

# Default: Scrapy's handlers. Ours streams originals to the disk, keeps the pace and verifies certificates; the other
# schemes are not needed, and a hostile URL must not reach a local file.
DOWNLOAD_HANDLERS: dict[str, str | None] = {
    "http": "pixivcrawl.downloadhandlers.PixivDownloadHandler",
    "https": "pixivcrawl.downloadhandlers.PixivDownloadHandler",
    "data": None,
    "file": None,
    "ftp": None,
    "s3": None,
}

# Default {}. `@asks` for `scrapy check`.
SPIDER_CONTRACTS = {"pixivcrawl.base_spiders.contracts.AsksContract": 1}

# Default "WARNING". When a file is dropped for a reason worth a warning, that is logged separately.
DEFAULT_DROPITEM_LOG_LEVEL = "INFO"

# Default {}. Makes a dropped file one line.
LOG_FORMATTER = "pixivcrawl.extensions.run_record.OneLine"

# Default {}. Times in ISO 8601, nested values as JSON, and the type of each item.
FEED_EXPORTERS = {
    "json": "pixivcrawl.extensions.exporters.Json",
    "jsonlines": "pixivcrawl.extensions.exporters.JsonLines",
    "jsonl": "pixivcrawl.extensions.exporters.JsonLines",
    "jl": "pixivcrawl.extensions.exporters.JsonLines",
    "csv": "pixivcrawl.extensions.exporters.Csv",
    "xml": "pixivcrawl.extensions.exporters.Xml",
}

# Default None, which writes Japanese as \u escapes into JSON.
FEED_EXPORT_ENCODING = "utf-8"


# How requests are sent

# Default "Scrapy/VERSION (+https://scrapy.org)". pixiv: an odd or missing User-Agent can bring 403.
USER_AGENT = from_environment(
    "USER_AGENT", "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0"
)

# Default: an Accept for web pages and Accept-Language "en". The catalogue sets Accept; the language decides which
# translations of tags come back.
DEFAULT_REQUEST_HEADERS = {"Accept-Language": "en"}

# Default 16. Must never keep an API request from leaving: the pace decides how many requests are in flight (PIXIV_API_CONCURRENCY,
# PIXIV_IMAGE_CONCURRENCY).
CONCURRENT_REQUESTS = 128

# Default 8. As above: a slot would hold back requests that the pace lets go, and a sandbox has its API and its images in one slot.
CONCURRENT_REQUESTS_PER_DOMAIN = CONCURRENT_REQUESTS

# Default 100. Scrapy starts this many tasks for each response, whether there is an item for them or not, and none of our spiders yields
# items from a response: 100 take 0.5 ms.
CONCURRENT_ITEMS = 4

# Default a LIFO queue. Works are asked for in the order in which the list names them.
SCHEDULER_MEMORY_QUEUE = "scrapy.squeues.FifoMemoryQueue"

# Default RFPDupeFilter, which remembers every request of a run. The ledger knows what was asked for.
DUPEFILTER_CLASS = "scrapy.dupefilters.BaseDupeFilter"

# Default 180. Seconds without progress (no answer, or no further byte of it) after which a request has failed.
DOWNLOAD_TIMEOUT = 60

# Default 1 GiB. The largest body that is kept in memory; originals go to the disk, see PIXIV_FILE_SIZE_LIMIT.
DOWNLOAD_MAXSIZE = 64 * 1024 * 1024

# Default False. Certificates and host names are always verified; the handler has no way to turn that off.
DOWNLOAD_VERIFY_CERTIFICATES = True

# Default True. Cookies set by answers are never kept; only SessionMiddleware adds the session, and only for the API's origin.
COOKIES_ENABLED = False

# Default True, both. A redirect elsewhere is not followed: an API answers with a body, an image host with an image.
REDIRECT_ENABLED = False
METAREFRESH_ENABLED = False

# Default True. AnswersMiddleware tries again, and knows which answers are worth it.
RETRY_ENABLED = False

# Default True. The handler asks for gzip and takes the limit on the unpacked body.
COMPRESSION_ENABLED = False

# Default True. The catalogue gives each request the Referer that pixiv expects.
REFERER_ENABLED = False

# Scrapy's default, kept on purpose: robots.txt tells search engines what not to index. Here a person's own session reads what that person
# may see, at a person's speed, for that person alone.
ROBOTSTXT_OBEY = False


# What a run prints

# Default "DEBUG". The run prints its own report.
LOG_LEVEL = "WARNING"

# Default: a list of libraries, which are imported to print their versions.
LOG_VERSIONS: list[str] = []

# Default True. The report has the counts.
STATS_DUMP = False


# Our own

# Whether a run shows its progress (on standard error).
PROGRESS_ENABLED = from_environment("PROGRESS_ENABLED", otherwise=True)

# Which types of item go into feeds that do not name their own item_classes, separated by commas, see docs/feeds.md; empty: all.
FEED_ITEMS = from_environment("FEED_ITEMS", "")

# The folder of the archive. A relative path in a pixivcrawl.toml is relative to that file's folder; anywhere else, to the folder of
# scrapy.cfg, or to the one in which the command runs.
ARCHIVE_DIR = from_environment("ARCHIVE_DIR", "archive")

# Where the originals are, if not in the archive's folder: s3://BUCKET/PREFIX, see docs/fleet.md. A store that is not Amazon's is named with
# ?endpoint=https://HOST:PORT. The keys come from where boto3 looks for them (AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, the
# file that AWS_SHARED_CREDENTIALS_FILE names, ~/.aws, the machine's role). Empty: in the archive's folder.
ORIGINALS_STORE = from_environment("ORIGINALS_STORE", "")

# Who may read new files in the archive: owner (nobody else), group, or all. It sets the umask of every command that writes there; existing
# files keep their permissions. Only the owner may ever change the archive.
ARCHIVE_READERS = from_environment("ARCHIVE_READERS", "owner")

# The file that says what to follow, see docs/subscriptions.md. Relative paths work as for ARCHIVE_DIR; empty: subscriptions.toml in the
# archive.
SUBSCRIPTIONS = from_environment("SUBSCRIPTIONS", "")

# Where the ledger is: sqlite:///FILE or postgresql+psycopg://USER:PASSWORD@HOST/DATABASE; empty: archive.sqlite in the
# archive.
DATABASE_URL = from_environment("DATABASE_URL", "")

# Where the API is: https://www.pixiv.net, or a sandbox on this machine. The session is sent there and nowhere else.
PIXIV_BASE_URL = from_environment("PIXIV_BASE_URL", configuration.PIXIV)

# The hosts that images may come from, separated by commas, with the port if it is not the scheme's default.
PIXIV_IMAGE_HOSTS = from_environment("PIXIV_IMAGE_HOSTS", "i.pximg.net")

# A file with the session, as a browser's Cookie header or as a cookies.txt; only its owner may read it. The environment variables
# PIXIV_PHPSESSID and PIXIV_COOKIE take precedence. Empty: no session. Relative paths work as for ARCHIVE_DIR.
PIXIV_COOKIE_FILE = from_environment("PIXIV_COOKIE_FILE", "")

# A folder with the sessions of further accounts, each in a file of its own, in the form of PIXIV_COOKIE_FILE: the file's name is the
# account's name here and in subscriptions.toml. Empty: `accounts`, beside pixivcrawl.toml.
PIXIV_ACCOUNTS = from_environment("PIXIV_ACCOUNTS", "")

# Which of them reads; its session then takes precedence over all others. Empty: the session from the environment or PIXIV_COOKIE_FILE.
PIXIV_ACCOUNT = from_environment("PIXIV_ACCOUNT", "")

# How many API requests are in flight at once, and the pause after each answer in seconds. pixiv: with 1.2 s after each answer no 429 was
# seen, with 1.1 s some; the limit is per account.
PIXIV_API_CONCURRENCY = from_environment("PIXIV_API_CONCURRENCY", 1)
PIXIV_API_DELAY = from_environment("PIXIV_API_DELAY", configuration.API_DELAY)

# The shortest pause that can be learned: while pixiv does not refuse, the pause becomes a twentieth shorter after each thousand answers.
# Empty: the same as PIXIV_API_DELAY, so that the pause is never shortened. In any case, after a 429 the pause is half as long again for a
# day (after several: up to four times PIXIV_API_DELAY). The ledger keeps what was learned for each account.
PIXIV_API_DELAY_LEAST = from_environment("PIXIV_API_DELAY_LEAST", "")

# The most API requests in one day (UTC), of all runs together; the ledger keeps the count. 0: no limit but the pace. pixiv: very large
# volumes over several days bring a warning, and later a ban; nobody knows how large, so there is no default limit.
PIXIV_API_BUDGET = from_environment("PIXIV_API_BUDGET", 0)

# How many accounts may be read at once from one address of the network; a further one ends with exit code 3, or waits with --wait. One
# person reads as one account: more is yours to choose and to answer for.
PIXIV_LANES_PER_ADDRESS = from_environment("PIXIV_LANES_PER_ADDRESS", 1)

# What the address is called from which pixiv sees this machine, in any words. All machines that share a ledger and name none count as one.
PIXIV_ADDRESS = from_environment("PIXIV_ADDRESS", "")

# How often an API request is sent again after a server error, a broken connection or a page instead of JSON, and the seconds before the
# first retry (each further pause is four times the one before).
PIXIV_API_RETRIES = from_environment("PIXIV_API_RETRIES", configuration.API_RETRIES)
PIXIV_API_RETRY_DELAY = from_environment("PIXIV_API_RETRY_DELAY", 2)

# How many originals are in flight at once (at most 32), and the pause after each in seconds.
PIXIV_IMAGE_CONCURRENCY = from_environment("PIXIV_IMAGE_CONCURRENCY", configuration.IMAGES_AT_ONCE)
PIXIV_IMAGE_DELAY = from_environment("PIXIV_IMAGE_DELAY", 0)

# The number of originals in flight may grow to this while answers stay quick. At the first 429, server error, lost connection or slower
# answer it is halved, but never below PIXIV_IMAGE_CONCURRENCY. To fix the number, set both to the same value. Empty: 8, or
# PIXIV_IMAGE_CONCURRENCY if that is more.
PIXIV_IMAGE_CONCURRENCY_MOST = from_environment("PIXIV_IMAGE_CONCURRENCY_MOST", "")

# Seconds before an original is fetched again after a broken transfer or a damaged body (each further pause is four times the one before);
# after three failures it waits for the next run.
PIXIV_IMAGE_RETRY_DELAY = from_environment("PIXIV_IMAGE_RETRY_DELAY", 2)

# The language of pixiv's translations (mostly tag names), sent with every request; empty: the account's own setting. pixiv: accounts in
# English have been refused their bookmarks without it.
PIXIV_LANG = "" if os.environ.get("PIXIVCRAWL_PIXIV_LANG") == "" else from_environment("PIXIV_LANG", "en")

# What to fetch of an ugoira: zip, pixiv's own copy of its frames as JPEG within 1920x1080; or frames, each frame as its artist uploaded it,
# in addition to the zip. A spider's argument `ugoira` takes precedence.
PIXIV_UGOIRA = from_environment("PIXIV_UGOIRA", "zip")

# Seconds of pause for a host after a 429 without Retry-After; doubled, up to half an hour, while more follow. pixiv: recovery takes about
# 200 s.
PIXIV_RATE_LIMIT_WAIT = from_environment("PIXIV_RATE_LIMIT_WAIT", configuration.RATE_LIMIT_WAIT)

# Seconds after which a list that came back empty is asked for again before it counts as ended, unless something else confirms that it is
# empty. pixiv: a throttled list answers with no rows for about 3 minutes.
PIXIV_THROTTLE_WAIT = from_environment("PIXIV_THROTTLE_WAIT", 200)

# Seconds between two 404 answers after which a work or artist that a list still names counts as gone; a single one may be a temporary
# fault. The second look is made by the same run if it lasts that long, otherwise by the next.
PIXIV_GONE_AFTER = from_environment("PIXIV_GONE_AFTER", 3600)

# The longest pause, in seconds, that a run waits for when a host asks for one; a longer pause ends the run with exit code 75, and the same
# command continues when it is over.
LONGEST_WAIT = from_environment("LONGEST_WAIT", 1800)

# The largest original in bytes.
PIXIV_FILE_SIZE_LIMIT = from_environment("PIXIV_FILE_SIZE_LIMIT", 1024 * 1024 * 1024)

# The largest picture in pixels; a legal one of 20,000 x 20,000 has 400 million. A larger picture is reported, and left for a run with a
# higher limit.
PIXIV_MAX_PIXELS = from_environment("PIXIV_MAX_PIXELS", verdict.MAX_PIXELS)

# How many processes prove files at once; 0: one for each core, at most four.
PROOF_WORKERS = from_environment("PROOF_WORKERS", 0)

# The bytes of memory that one proof may use, for the file and its decoder together. A file that would need more is reported, and left for a
# run with a higher limit. On Linux the system enforces this for each of these processes.
PROOF_MEMORY = from_environment("PROOF_MEMORY", verdict.MEMORY)

# A transfer that brings fewer bytes a second than this, over this many seconds, counts as failed and is tried again.
PIXIV_THROUGHPUT_FLOOR = from_environment("PIXIV_THROUGHPUT_FLOOR", 1024)
PIXIV_THROUGHPUT_WINDOW = from_environment("PIXIV_THROUGHPUT_WINDOW", 60)

# A command of your own that runs for each work once all of its files are stored: a program and its arguments, in which {id}, {artist},
# {title} and {files} (one argument for each path) are filled in. No shell reads it, and the session is not in its environment. Quotes keep
# an argument together; a title may begin with a hyphen, so put it after --. The command runs once at a time, in the order in which works
# are finished. Its output is discarded; failures are reported and counted, and change nothing else.
ON_STORED = from_environment("ON_STORED", "")

# Seconds after which such a command is killed, and how many works may wait for theirs; when more are waiting, a work goes without, and a
# line says so.
ON_STORED_TIMEOUT = from_environment("ON_STORED_TIMEOUT", 60)
ON_STORED_WAITING = from_environment("ON_STORED_WAITING", 100)

# What to make of each ugoira once its files are stored, under derived/videos/: mp4, webp, webm or apng, see docs/export.md; empty: nothing.
# It uses only time that nothing else needs. The run ends when all of its ugoira are made, or sooner with Ctrl-C; the next run makes the
# rest.
UGOIRA_VIDEO = from_environment("UGOIRA_VIDEO", "")

# Which events are sent as notices, separated by commas, to the services that PIXIVCRAWL_NOTICE_URLS names (see docs/report.md): refused,
# failures, disk_low, digest; or none.
NOTICE_ON = from_environment("NOTICE_ON", "refused,failures,disk_low,digest")

# A file with the notice services' URLs, one a line, readable only by its owner: they are secrets, so they are not settings themselves. The
# environment variable PIXIVCRAWL_NOTICE_URLS takes precedence. Relative paths work as for ARCHIVE_DIR.
NOTICE_URLS_FILE = from_environment("NOTICE_URLS_FILE", "")

# If fewer bytes than this are free on the archive's disk, there is a notice, and a line in a report. 0: never.
NOTICE_DISK_LOW = from_environment("NOTICE_DISK_LOW", 5_000_000_000)

# Seconds that all notice services together may take at the end of a run; services that have not answered by then are given up.
NOTICE_TIMEOUT = from_environment("NOTICE_TIMEOUT", 20)

# Where a worker of a fleet answers Prometheus (docs/fleet.md): PORT, for this machine alone, or HOST:PORT; 0.0.0.0 is every network of this
# machine. The metrics name accounts and reasons of failures, and whoever reaches the port can read them. Empty: nowhere.
METRICS_ADDRESS = from_environment("METRICS_ADDRESS", "")

config_file.refuse_others(_written, _asked)
config_file.refuse_unread({name for name, value in os.environ.items() if value}, _asked)
