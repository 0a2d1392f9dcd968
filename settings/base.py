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

# Default "". Commands of our own, and a `crawl` with exit codes. Scrapy imports all that lies there at each start, and whatever that
# imports: a run with nothing new then takes 1.14 times as long (median of 14 pairs), so that the one that is asked for is named alone.
COMMANDS_MODULE = asked_of("pixivcrawl.commands")

# Default {}. Refuses in one line what would not be obeyed, see docs/settings.md.
ADDONS = {"pixivcrawl.scrapy_settings.ScrapySettings": 0}

# Default {}. The way of an item, in this order; what was learned passes the first three untouched.
ITEM_PIPELINES = {
    pipeline("originals.OriginalsPipeline"): 100,
    pipeline("validation.ValidationPipeline"): 200,
    pipeline("storage.StoragePipeline"): 300,
    pipeline("metadata.MetadataPipeline"): 400,
}

# Default {}. Feeds are refused, where they must be, before anything is opened; the ledger is opened before anything reads it.
EXTENSIONS: dict[str, int | None] = {
    "pixivcrawl.extensions.feeds.TypedFeedExporter": -100,
    "pixivcrawl.extensions.ledger.LedgerExtension": 0,
    "pixivcrawl.extensions.collector.Collector": 100,
    "pixivcrawl.extensions.on_stored.OnStored": 200,
    "pixivcrawl.extensions.ugoira_video.UgoiraVideo": 200,
    "pixivcrawl.extensions.progress.reporter.Progress": 500,
    "pixivcrawl.extensions.run_record.RunRecord": 500,
}

# Default: Scrapy's eleven; each that is named is imported, even to be switched off. Left out: the feeds', whose place ours takes; what
# keeps a state in JOBDIR and what sets the pace by itself, which are refused; and the two consoles, which are imported when somebody
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

# Default True, both. They evaluate Python that is sent to a local port.
TELNETCONSOLE_ENABLED = False
REMOTE_CONTROL_ENABLED = False

# Default: Scrapy's sixteen. These are the ones used here; to name another in DOWNLOADER_MIDDLEWARES, even to switch it off, would import
# it, and what it imports, in every run. What is left out is done elsewhere (cookies, retries, redirects, compression, timeouts, foreign
# hosts; headers, the environment's proxy and Scrapy's counts by the download handler, to which originals go past all middlewares) or not
# at all (HTTP authentication, cache, robots.txt).
DOWNLOADER_MIDDLEWARES_BASE: dict[str, int | None] = {}

# Default {}.
DOWNLOADER_MIDDLEWARES = {
    # Nearest to the spider: what it says of an answer is final.
    "pixivcrawl.downloadermiddlewares.answers.AnswersMiddleware": 10,
    # Nearest to the handler: only it sets what is secret.
    "pixivcrawl.downloadermiddlewares.session.SessionMiddleware": 700,
}

# Default {}. An API answer that is no body never reaches a spider as a response, so there are no HTTP errors to filter;
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

# Default "WARNING". A file that was dropped for a reason worth a warning says so itself.
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


# How requests travel

# Default "Scrapy/VERSION (+https://scrapy.org)". pixiv: an odd or missing User-Agent can bring 403.
USER_AGENT = from_environment(
    "USER_AGENT", "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0"
)

# Default: an Accept for web pages and Accept-Language "en". The catalogue sets Accept; the language decides which
# translations of tags come back.
DEFAULT_REQUEST_HEADERS = {"Accept-Language": "en"}

# Default 16. Must never keep an API request from leaving. How many requests really travel at once is the pace's decision
# (PIXIV_API_CONCURRENCY, PIXIV_IMAGE_CONCURRENCY).
CONCURRENT_REQUESTS = 128

# Default 8. As above: a slot would hold back what the pace lets go, and a sandbox has its API and its images in one
# slot.
CONCURRENT_REQUESTS_PER_DOMAIN = CONCURRENT_REQUESTS

# Default 100. For each response Scrapy starts so many tasks, whether there is an item for them or not, and none of our spiders gives it
# any: 100 take 0.5 ms.
CONCURRENT_ITEMS = 4

# Default a LIFO queue. Works are asked for in the order in which the list names them.
SCHEDULER_MEMORY_QUEUE = "scrapy.squeues.FifoMemoryQueue"

# Default RFPDupeFilter, which remembers every request of a run. The ledger knows what was asked for.
DUPEFILTER_CLASS = "scrapy.dupefilters.BaseDupeFilter"

# Default 180. Seconds without a sign of life (no answer, then no byte of it) after which a request has failed.
DOWNLOAD_TIMEOUT = 60

# Default 1 GiB. The largest body that is kept in memory; originals go to the disk, see PIXIV_FILE_SIZE_LIMIT.
DOWNLOAD_MAXSIZE = 64 * 1024 * 1024

# Default False. Certificates and host names are always verified; the handler knows no way around it.
DOWNLOAD_VERIFY_CERTIFICATES = True

# Default True. A cookie set by an answer is never kept; SessionMiddleware alone adds the session, to the API's origin
# only.
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

# Scrapy's default, kept on purpose: robots.txt tells search engines what not to index. This is a person's own session
# reading what that person may see, at a person's speed, and keeps it for that person alone.
ROBOTSTXT_OBEY = False


# What a run says

# Default "DEBUG". The run prints its own report.
LOG_LEVEL = "WARNING"

# Default: a list of libraries, which are imported to tell their versions.
LOG_VERSIONS: list[str] = []

# Default True. The report tells the counts.
STATS_DUMP = False


# Our own

# Whether a run shows how it gets on (standard error).
PROGRESS_ENABLED = from_environment("PROGRESS_ENABLED", otherwise=True)

# Which types of item go into the feeds that name no item_classes of their own, separated by commas, see docs/feeds.md; empty: all.
FEED_ITEMS = from_environment("FEED_ITEMS", "")

# The folder of the archive. A relative path counts from the folder of the pixivcrawl.toml in which it is written; one that is given
# elsewhere from that of scrapy.cfg, or from where the command runs.
ARCHIVE_DIR = from_environment("ARCHIVE_DIR", "archive")

# Who may read the archive that is made: owner (nobody else), group, or all. It is the umask of every command that writes there; what is
# there already stays as it is. Only the owner may ever change it.
ARCHIVE_READERS = from_environment("ARCHIVE_READERS", "owner")

# The file that says what to follow, see docs/subscriptions.md. A relative path counts as that of ARCHIVE_DIR; empty:
# subscriptions.toml in the archive.
SUBSCRIPTIONS = from_environment("SUBSCRIPTIONS", "")

# Where the ledger is: sqlite:///FILE or postgresql+psycopg://USER:PASSWORD@HOST/DATABASE; empty: archive.sqlite in the
# archive.
DATABASE_URL = from_environment("DATABASE_URL", "")

# Where the API is: https://www.pixiv.net, or a sandbox on this machine. The session goes there and nowhere else.
PIXIV_BASE_URL = from_environment("PIXIV_BASE_URL", configuration.PIXIV)

# The hosts that images may come from, separated by commas, with the port where it is not the scheme's own.
PIXIV_IMAGE_HOSTS = from_environment("PIXIV_IMAGE_HOSTS", "i.pximg.net")

# A file that holds the session, as the Cookie header of a browser or as a cookies.txt; readable by its owner alone. The
# environment variables PIXIV_PHPSESSID and PIXIV_COOKIE come first. Empty: no session. A relative path counts as
# that of ARCHIVE_DIR.
PIXIV_COOKIE_FILE = from_environment("PIXIV_COOKIE_FILE", "")

# A folder with the sessions of further accounts, one in a file of its own, as that of PIXIV_COOKIE_FILE: the file's name is what an account
# is called here and in subscriptions.toml. Empty: `accounts`, beside pixivcrawl.toml.
PIXIV_ACCOUNTS = from_environment("PIXIV_ACCOUNTS", "")

# Which of them reads; its session then comes before all others. Empty: the session that the environment or PIXIV_COOKIE_FILE names.
PIXIV_ACCOUNT = from_environment("PIXIV_ACCOUNT", "")

# How many API requests travel at once, and the pause after each answer in seconds. pixiv: at 1.2 s after each answer no
# 429 was seen, at 1.1 s some; the limit binds the account.
PIXIV_API_CONCURRENCY = from_environment("PIXIV_API_CONCURRENCY", 1)
PIXIV_API_DELAY = from_environment("PIXIV_API_DELAY", configuration.API_DELAY)

# The least pause that is learned: where pixiv says nothing for long, the pause is a twentieth less after each thousand answers. Empty: as
# PIXIV_API_DELAY, so that nothing is shortened. Whatever this is, after a 429 the pause is half as long again for a day (after several: up
# to four times PIXIV_API_DELAY). The ledger keeps what was learned for each account.
PIXIV_API_DELAY_LEAST = from_environment("PIXIV_API_DELAY_LEAST", "")

# How many API requests are sent on one day (of UTC) at most, by all runs together: the ledger keeps the count. 0: as many as the pace
# lets go. pixiv: very large volumes over days bring a warning, later a ban; how large is known to nobody, so that none is set here.
PIXIV_API_BUDGET = from_environment("PIXIV_API_BUDGET", 0)

# How many accounts may be read at once from one address of the network; a further one ends with exit code 3, or waits with --wait. One
# person reads as one account: more is yours to choose and to answer for.
PIXIV_LANES_PER_ADDRESS = from_environment("PIXIV_LANES_PER_ADDRESS", 1)

# What the address is called from which pixiv sees this machine, in any words. All machines that share a ledger and name none count as one.
PIXIV_ADDRESS = from_environment("PIXIV_ADDRESS", "")

# How often an API request is sent again after a server error, a broken connection or a page instead of JSON, and the
# seconds before the first of these (each further pause is four times the last).
PIXIV_API_RETRIES = from_environment("PIXIV_API_RETRIES", configuration.API_RETRIES)
PIXIV_API_RETRY_DELAY = from_environment("PIXIV_API_RETRY_DELAY", 2)

# How many originals travel at once (at most 32), and the pause after each in seconds.
PIXIV_IMAGE_CONCURRENCY = from_environment("PIXIV_IMAGE_CONCURRENCY", configuration.IMAGES_AT_ONCE)
PIXIV_IMAGE_DELAY = from_environment("PIXIV_IMAGE_DELAY", 0)

# So many originals at once are learned while answers stay quick. At the first 429, error of the server, lost connection or slower answer
# they are half as many, and never fewer than PIXIV_IMAGE_CONCURRENCY. The same number in both: fixed. Empty: 8, or
# PIXIV_IMAGE_CONCURRENCY where that is more.
PIXIV_IMAGE_CONCURRENCY_MOST = from_environment("PIXIV_IMAGE_CONCURRENCY_MOST", "")

# Seconds before an original is fetched once more after a transfer that broke or a body that was damaged (each further pause is four
# times the last); what fails three times waits for the next run.
PIXIV_IMAGE_RETRY_DELAY = from_environment("PIXIV_IMAGE_RETRY_DELAY", 2)

# The language of what pixiv translates (tags' names above all), sent with every question; empty leaves it to the account's own setting.
# pixiv: accounts in English have been refused their bookmarks without it.
PIXIV_LANG = "" if os.environ.get("PIXIVCRAWL_PIXIV_LANG") == "" else from_environment("PIXIV_LANG", "en")

# What is fetched of an ugoira: zip, pixiv's own copy of its frames as JPEG within 1920x1080; or frames, each of them as its artist uploaded
# it, beside the zip. The argument `ugoira` of a spider comes first.
PIXIV_UGOIRA = from_environment("PIXIV_UGOIRA", "zip")

# Seconds that a host is left alone after a 429 without Retry-After; doubled, up to half an hour, while more follow.
# pixiv: recovery takes about 200 s.
PIXIV_RATE_LIMIT_WAIT = from_environment("PIXIV_RATE_LIMIT_WAIT", configuration.RATE_LIMIT_WAIT)

# Seconds after which a list that came back empty is looked at again, before it is believed to have ended, where nothing else says that
# it is empty. pixiv: a throttled list answers with no rows for about 3 minutes.
PIXIV_THROTTLE_WAIT = from_environment("PIXIV_THROTTLE_WAIT", 200)

# Seconds between two answers 404 after which a work, or an artist, that a list still names counts as gone: one alone may be a fault of
# the moment. The second look is the same run's, if it lasts so long, else the next one's.
PIXIV_GONE_AFTER = from_environment("PIXIV_GONE_AFTER", 3600)

# Seconds that a run waits when a host asks for a pause; a longer one ends it with exit code 75, and the same command goes on when it is
# over.
LONGEST_WAIT = from_environment("LONGEST_WAIT", 1800)

# The largest original in bytes.
PIXIV_FILE_SIZE_LIMIT = from_environment("PIXIV_FILE_SIZE_LIMIT", 1024 * 1024 * 1024)

# The largest picture in pixels; a legal one of 20,000 x 20,000 has 400 million. A larger one is left for a run that may have it, and named.
PIXIV_MAX_PIXELS = from_environment("PIXIV_MAX_PIXELS", verdict.MAX_PIXELS)

# How many processes prove files at once; 0: one for each core, at most four.
PROOF_WORKERS = from_environment("PROOF_WORKERS", 0)

# The bytes of memory that one proof may take, the file and its decoder together. A file that would take more is left for a run that may,
# and named. On Linux the system itself holds each of these processes to it.
PROOF_MEMORY = from_environment("PROOF_MEMORY", verdict.MEMORY)

# A transfer that brings fewer bytes a second than this, over this many seconds, has failed and is tried again.
PIXIV_THROUGHPUT_FLOOR = from_environment("PIXIV_THROUGHPUT_FLOOR", 1024)
PIXIV_THROUGHPUT_WINDOW = from_environment("PIXIV_THROUGHPUT_WINDOW", 60)

# A command of your own that is run for each work whose files are all in place: a program and its arguments, in which {id}, {artist},
# {title} and {files} (one argument for each path) are filled in. No shell reads it, and it is told no session. Quotes hold an argument
# together, and a title may begin with a hyphen: give it behind --. One runs at a time, in the order in which works are finished. What one
# writes goes nowhere, and that one fails is said and counted, and changes nothing else.
ON_STORED = from_environment("ON_STORED", "")

# Seconds after which such a command is ended, and how many works may wait for theirs: a work that comes then goes without, which is said.
ON_STORED_TIMEOUT = from_environment("ON_STORED_TIMEOUT", 60)
ON_STORED_WAITING = from_environment("ON_STORED_WAITING", 100)

# What each ugoira is made into once its files are in place, under derived/videos/: mp4, webp, webm or apng, see docs/ugoira.md; empty:
# nothing. It takes only the time that nothing else wants. The run ends when all of its ugoira are made, Ctrl-C sooner; what is not made,
# the next run makes.
UGOIRA_VIDEO = from_environment("UGOIRA_VIDEO", "")

# What notices are sent about, separated by commas, to the services that PIXIVCRAWL_NOTICE_URLS names (see docs/report.md): refused,
# failures, disk_low, digest; or none.
NOTICE_ON = from_environment("NOTICE_ON", "refused,failures,disk_low,digest")

# A file that holds the notice services' URLs, one a line, readable by its owner alone: they are secrets, and no setting. The environment
# variable PIXIVCRAWL_NOTICE_URLS comes first. A relative path counts as that of ARCHIVE_DIR.
NOTICE_URLS_FILE = from_environment("NOTICE_URLS_FILE", "")

# Fewer free bytes than this on the archive's disk are worth a notice, and a line in a report. 0: never.
NOTICE_DISK_LOW = from_environment("NOTICE_DISK_LOW", 5_000_000_000)

# Seconds that all notice services together may take at the end of a run; whichever has not answered by then is left alone.
NOTICE_TIMEOUT = from_environment("NOTICE_TIMEOUT", 20)

config_file.refuse_others(_written, _asked)
