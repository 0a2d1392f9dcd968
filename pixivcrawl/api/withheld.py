"""Why a work that is there is not shown to this reader, and what the reader can do about it."""

from __future__ import annotations

from enum import StrEnum

from pixivcrawl.api.bodies.artworks import IllustDetail


class Withheld(StrEnum):
    """The reason as the ledger keeps it."""

    SIGNED_IN = "shown to signed-in readers only"
    R18 = "R-18, which the account's settings do not show"
    AI = "made with AI, which the account's settings do not show"
    REGION = "not shown in this region"
    MYPIXIV = "shown to the mypixiv of its artist only"
    FILES = "pixiv shows the work, and not its files"
    REFUSED = "pixiv refuses it to this reader"


WHAT_TO_DO = {
    Withheld.SIGNED_IN: "set PIXIV_PHPSESSID or PIXIV_COOKIE_FILE",
    Withheld.R18: "switch on R-18 (and R-18G) in the account's viewing settings on pixiv",
    Withheld.AI: "switch on AI-generated works in the account's viewing settings on pixiv",
    Withheld.REGION: "nothing here: it is asked for again once a day",
    Withheld.MYPIXIV: "read as an account that is its artist's mypixiv",
    Withheld.FILES: "nothing: it is asked for again once a day",
    Withheld.REFUSED: "open the work in a browser as this reader and see what pixiv says",
}


def withheld_because(detail: IllustDetail, *, signed_in: bool) -> Withheld:
    """Why the work's own page names no original. pixiv: viewing of R-18 and of AI works are settings of an account, both off at first."""
    if detail.location_mask:
        return Withheld.REGION
    if not signed_in:
        return Withheld.SIGNED_IN
    if detail.x_restrict:
        return Withheld.R18
    if detail.ai_type == 2:
        return Withheld.AI
    return Withheld.MYPIXIV if detail.restrict == 1 else Withheld.FILES
