"""Drawn pictures, copies of them as people make them, and pictures that show next to nothing."""

from __future__ import annotations

import random
from collections.abc import Callable

from PIL import Image, ImageDraw

from tests.archive.making import encoded

WIDTH, HEIGHT = 320, 240


def a_colour(dice: random.Random) -> tuple[int, int, int]:
    return dice.randrange(256), dice.randrange(256), dice.randrange(256)


def shapes(dice: random.Random) -> Image.Image:
    picture = Image.new("RGB", (WIDTH, HEIGHT), a_colour(dice))
    pen = ImageDraw.Draw(picture)
    for _ in range(8):
        left, top = dice.randrange(WIDTH), dice.randrange(HEIGHT)
        draw = dice.choice([pen.ellipse, pen.rectangle])
        draw((left, top, left + dice.randrange(20, 160), top + dice.randrange(20, 120)), fill=a_colour(dice))
    return picture


def clouds(dice: random.Random) -> Image.Image:
    side = dice.choice([5, 8, 13])
    small = Image.frombytes("RGB", (side, side), dice.randbytes(3 * side * side))
    return small.resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC)


def panels(dice: random.Random) -> Image.Image:
    """A page of a manga: black lines on white, and greys."""
    picture = Image.new("L", (HEIGHT, WIDTH), 255)
    pen = ImageDraw.Draw(picture)
    for _ in range(6):
        left, top = dice.randrange(HEIGHT - 60), dice.randrange(WIDTH - 60)
        box = (left, top, left + dice.randrange(50, 140), top + dice.randrange(50, 140))
        pen.rectangle(box, outline=0, width=3, fill=dice.choice([255, 200, 120]))
        pen.ellipse((left + 10, top + 10, left + 40, top + 40), outline=0, width=2, fill=dice.choice([255, 60]))
    return picture


def writing(dice: random.Random) -> Image.Image:
    """Black lines of letters between white margins."""
    picture = Image.new("L", (2 * HEIGHT, 2 * WIDTH), 255)
    pen = ImageDraw.Draw(picture)
    for line in range(30, 2 * WIDTH - 30, 14):
        words = ("".join(dice.choices("abcdefghijklmnopqrstuvwxyz", k=dice.randrange(2, 9))) for _ in range(9))
        pen.text((30, line), " ".join(words), fill=0)
    return picture


def blank(dice: random.Random) -> Image.Image:
    """A page of one colour, mostly white, with a number on some."""
    picture = Image.new("RGB", (WIDTH, HEIGHT), dice.choice(["white", "white", "black", a_colour(dice)]))
    if dice.random() < 0.5:
        ImageDraw.Draw(picture).text((WIDTH // 2, HEIGHT - 20), str(dice.randrange(1000)), fill="grey")
    return picture


DRAWN = (shapes, clouds, panels, writing, blank)
"""In turns."""


def drawn(number: int) -> Image.Image:
    """The picture of a number, always the same."""
    return DRAWN[number % len(DRAWN)](random.Random(number))


def scaled(picture: Image.Image, by: float) -> Image.Image:
    return picture.resize((round(picture.width * by), round(picture.height * by)), Image.Resampling.LANCZOS)


def trimmed(picture: Image.Image) -> Image.Image:
    """Without a hundredth of its width and its height."""
    return picture.crop((picture.width // 100, 0, picture.width, picture.height - picture.height // 100))


COPIES: dict[str, Callable[[Image.Image], bytes]] = {
    "half the size": lambda picture: encoded(scaled(picture, 0.5), "PNG"),
    "twice the size": lambda picture: encoded(scaled(picture, 2), "JPEG", quality=85),
    "pressed harder": lambda picture: encoded(picture, "JPEG", quality=30),
    "as a GIF": lambda picture: encoded(picture.convert("RGB"), "GIF"),
    "small and pressed": lambda picture: encoded(scaled(picture, 0.6), "JPEG", quality=50),
    "trimmed": lambda picture: encoded(trimmed(picture), "JPEG", quality=90),
    "lighter": lambda picture: encoded(picture.point(lambda value: min(255, value + 6)), "PNG"),
    "as a WebP": lambda picture: encoded(picture, "WEBP", quality=60),
}
"""What becomes of a picture elsewhere. An archive holds no WebP; whoever looks for one may have it."""
