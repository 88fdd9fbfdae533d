"""Text to learn from: documents, cut into sentences, as token ids in files that are mapped into memory."""

from squeezebert.corpus.build import CorpusReport, build_corpus, corpus_sources
from squeezebert.corpus.documents import Document, read_documents
from squeezebert.corpus.reader import Corpus
from squeezebert.corpus.sentences import split_sentences

__all__ = [
    "Corpus",
    "CorpusReport",
    "Document",
    "build_corpus",
    "corpus_sources",
    "read_documents",
    "split_sentences",
]
