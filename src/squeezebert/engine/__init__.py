"""The network without torch: ragged batches and the compiled kernels."""
