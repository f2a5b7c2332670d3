"""The slides: decks in slides/NN_slug.ipynb that name cells of the labs, executed, shown as HTML without a network, and measured."""

from edgekit.instructor.slides.building import build, execute, to_html
from edgekit.instructor.slides.decks import Deck, Slide, SlideError, choose, read, tidy

__all__ = ["Deck", "Slide", "SlideError", "build", "choose", "execute", "read", "tidy", "to_html"]
