"""Whether a model that is to be trained has a word embedding for each piece, and few for none."""

from __future__ import annotations

from squeezebert.config import SqueezeBertConfig
from squeezebert.errors import OptionError
from squeezebert.tokenization import SqueezeBertTokenizerFast


def check_vocab_size(config: SqueezeBertConfig, tokenizer: SqueezeBertTokenizerFast, owner: str) -> None:
    """See before a run that what it makes can be loaded after it.

    Args:
        config: Of the model.
        tokenizer: What it is saved with.
        owner: Whose tokenizer that is, for the message.

    Raises:
        OptionError: The one does not fit the other; see :meth:`BaseTokenizer.fits`.
    """
    if not tokenizer.fits(config.vocab_size):
        raise OptionError(
            f"vocab_size {config.vocab_size} does not fit the tokenizer of {owner}, which has "
            f"{len(tokenizer)} pieces; a new model takes as many if it is left out"
        )
