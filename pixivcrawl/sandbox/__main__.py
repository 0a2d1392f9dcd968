"""`python -m pixivcrawl.sandbox`: serves a world until Ctrl-C."""

from __future__ import annotations

import argparse
import shlex
import signal
import sys
import threading
from pathlib import Path

from pixivcrawl.sandbox.server import Sandbox
from pixivcrawl.sandbox.world import World

EXAMPLE = """\
It prints the variables that lead a crawl here; in another shell:
  export PIXIVCRAWL_PIXIV_BASE_URL=... PIXIVCRAWL_PIXIV_IMAGE_HOSTS=... SSL_CERT_FILE=...
  scrapy crawl user -a id=11
Readers: the session cookies of users 901 and 902 (premium) are printed too. Artists of the standard world are
described in pixivcrawl.sandbox.World.
"""


def main(serve: type[Sandbox] = Sandbox) -> int:
    options = _parser().parse_args()
    try:
        world = _world(options)
    except (ValueError, OSError) as error:
        print(f"sandbox: {error}", file=sys.stderr)
        return 2
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    sandbox = serve(
        world,
        tls=options.tls is not None,
        tls_folder=options.tls,
        port=options.port,
        image_port=options.image_port,
        log_file=options.log,
        delay=options.delay_ms / 1000,
    )
    try:
        with sandbox:
            _announce(sandbox)
            stop.wait()
    except OSError as error:
        print(f"sandbox: cannot listen: {error}; choose other ports, or none", file=sys.stderr)
        return 2
    return 0


def _announce(sandbox: Sandbox) -> None:
    for name, value in sandbox.environment().items():
        print(f"export {name}={shlex.quote(value)}")
    print(f"# a reader's session:  export PIXIV_PHPSESSID={sandbox.cookie}")
    print(f"# one with premium:    export PIXIV_PHPSESSID={sandbox.premium_cookie}", flush=True)


def _world(options: argparse.Namespace) -> World:
    if options.works is not None:
        return World.of(
            artists=options.artists,
            works=options.works,
            page_counts=options.pages,
            ugoira=options.ugoira,
            size=options.size,
            pictures=options.pictures,
        )
    if options.world == "demo":
        return World.demo(pictures=options.pictures)
    return World.standard(pictures=options.pictures)


def _size(text: str) -> tuple[int, int]:
    width, _, height = text.partition("x")
    if not (width.isdecimal() and height.isdecimal() and int(width) and int(height)):
        raise argparse.ArgumentTypeError(f"{text} is not a size: write it as 1200x800")
    return int(width), int(height)


def _page_counts(text: str) -> tuple[int, ...]:
    counts = text.split(",")
    if not all(count.isdecimal() and int(count) for count in counts):
        raise argparse.ArgumentTypeError(
            f"{text} are no numbers of pages: write one, or several that take turns as in 1,1,4,12"
        )
    return tuple(map(int, counts))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m pixivcrawl.sandbox",
        description="Serves a small look-alike of pixiv on 127.0.0.1 until Ctrl-C.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--port", type=int, default=0, metavar="N", help="port of the API origin (a free one otherwise)"
    )
    parser.add_argument(
        "--image-port", type=int, default=0, metavar="N", help="port of the image host (a free one otherwise)"
    )
    parser.add_argument("--tls", type=Path, metavar="DIR", help="serve https; DIR gets the throw-away CA as ca.pem")
    parser.add_argument(
        "--pictures", type=Path, metavar="DIR", help="originals are the JPEG, PNG and GIF files under DIR"
    )
    parser.add_argument(
        "--world", choices=("standard", "demo"), default="standard", help="what there is (default: standard)"
    )
    parser.add_argument("--delay-ms", type=float, default=0, metavar="N", help="every answer comes so much later")
    parser.add_argument("--log", type=Path, metavar="FILE", help="append each request to FILE as a line of JSON")
    plain = parser.add_argument_group("a plain world instead, of artists 11, 12 ...")
    plain.add_argument("--works", type=int, metavar="N", help="works of each artist")
    plain.add_argument("--artists", type=int, default=1, metavar="N", help="artists (default: 1)")
    plain.add_argument(
        "--pages",
        type=_page_counts,
        default=(1,),
        metavar="N,N...",
        help="pages of each work, several numbers in turn (default: 1)",
    )
    plain.add_argument("--ugoira", type=int, default=0, metavar="N", help="so many of each hundred works are ugoira")
    plain.add_argument(
        "--size",
        type=_size,
        default=(320, 240),
        metavar="WxH",
        help="pixels of each page; JPEG of about 0.7 byte a pixel (default: 320x240)",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
