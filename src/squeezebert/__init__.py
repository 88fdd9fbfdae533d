"""SqueezeBERT, complete: BERT-class language understanding for cheap hardware."""
