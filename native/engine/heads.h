// What stands on the encoder: pooler, classifiers and the vocabulary.
#pragma once

#include "encoder.h"

namespace squeezebert {

// Rows [count, inputs] through a dense float32 layer, in parallel over blocks of rows or over columns.
class Dense {
 public:
  Dense(const Kernels& kernels, const Arrays& arrays, const std::string& name, int inputs, int outputs);

  int outputs() const { return outputs_; }
  // `x` [rows, stride] -> `out` [rows, outputs], contiguous.
  void forward(const float* x, std::size_t stride, int rows, float* out, Pool& pool) const;

 private:
  const Kernels& kernels_;
  const int inputs_, outputs_;
  const std::size_t wide_;  // outputs, rounded up to whole vectors
  Buffer<float> panels_, bias_;
};

// The masked-LM head: dense, activation, norm, and the word embeddings as output layer.
class Vocabulary {
 public:
  Vocabulary(const Kernels& kernels, Precision precision, const Config& config, const Arrays& arrays);

  // `x` [rows, stride] -> `out` [rows, vocabulary].
  void forward(const float* x, std::size_t stride, int rows, float* out, Pool& pool) const;

 private:
  void decode(const Rows& rows, int first, int words, float* out) const;

  const Kernels& kernels_;
  const Precision precision_;
  const Config config_;
  Dense transform_;
  std::vector<float> norm_weight_, norm_bias_, bias_;
  Array words_;
  // int8 codes of words that the checkpoint holds as floats.
  Buffer<std::int8_t> codes_;
  Buffer<float> scales_;
};

}  // namespace squeezebert
