#include "heads.h"

#include <algorithm>

#include "../quantize.h"

namespace squeezebert {

Dense::Dense(const Kernels& kernels, const Arrays& arrays, const std::string& name, int inputs, int outputs)
    : kernels_(kernels),
      inputs_(inputs),
      outputs_(outputs),
      wide_(round_up(outputs, kernels.lanes)),
      panels_(inputs * wide_),
      bias_(wide_) {
  const std::size_t rows = outputs, columns = inputs;
  const std::vector<float> bias = arrays.floats(name + ".bias", {rows});
  const std::vector<float> weight = arrays.floats(name + ".weight", {rows, columns});
  std::copy(bias.begin(), bias.end(), bias_.data());
  kernels.pack_fp32(weight.data(), columns, outputs, inputs, panels_.data());
}

void Dense::forward(const float* x, std::size_t stride, int rows, float* out, Pool& pool) const {
  constexpr int block_rows = 16;
  const int blocks = (rows + block_rows - 1) / block_rows;
  // Few rows: reading the weights takes longest, and is shared.
  const int shares = blocks < pool.threads() ? pool.threads() : 1;
  const int panel = kernels_.fp32_panel, panels = (outputs_ + panel - 1) / panel;
  const std::size_t columns = outputs_;
  Buffer<float> room;
  if (wide_ > columns) room = Buffer<float>::unset(rows * wide_);
  float* whole = wide_ > columns ? room.data() : out;
  pool.for_each(blocks * shares, [&](int i, int) {
    const int row = i / shares * block_rows, share = i % shares;
    const int first = panels * share / shares * panel, end = std::min(panels * (share + 1) / shares * panel, outputs_);
    if (first >= end) return;
    const Fp32Weights weights{panels_.data() + static_cast<std::size_t>(first) * inputs_, bias_.data() + first, inputs_,
                              end - first};
    kernels_.linear_fp32(weights, x + row * stride, stride, std::min(block_rows, rows - row),
                         whole + row * wide_ + first, wide_);
  });
  if (whole == out) return;
  for (int r = 0; r < rows; ++r) std::copy_n(whole + r * wide_, columns, out + r * columns);
}

Vocabulary::Vocabulary(const Kernels& kernels, Precision precision, const Config& config, const Arrays& arrays)
    : kernels_(kernels),
      precision_(precision),
      config_(config),
      transform_(kernels, arrays, "cls.predictions.transform.dense", config.hidden_size, config.hidden_size),
      words_(arrays.get("transformer.embeddings.word_embeddings.weight",
                        {static_cast<std::size_t>(config.vocab_size), static_cast<std::size_t>(config.hidden_size)})) {
  const std::size_t hidden = config.hidden_size, vocabulary = config.vocab_size;
  norm_weight_ = arrays.floats("cls.predictions.transform.LayerNorm.weight", {hidden});
  norm_bias_ = arrays.floats("cls.predictions.transform.LayerNorm.bias", {hidden});
  bias_ = arrays.floats("cls.predictions.bias", {vocabulary});
  if (precision == Precision::int8 && words_.type != Type::int8) {
    codes_.resize(vocabulary * hidden);
    scales_.resize(vocabulary);
    std::vector<float> row(hidden);
    for (std::size_t word = 0; word < vocabulary; ++word) {
      words_.read_row(word, row.data());
      quantize_rows(row.data(), 1, hidden, codes_.data() + word * hidden, &scales_[word]);
    }
    words_ = {Type::int8, codes_.data(), words_.shape, scales_.data()};
  }
}

void Vocabulary::forward(const float* x, std::size_t stride, int rows, float* out, Pool& pool) const {
  const int hidden = config_.hidden_size;
  Buffer<float> states(static_cast<std::size_t>(rows) * hidden + kernels_.lanes);
  transform_.forward(x, stride, rows, states.data(), pool);
  kernels_.activate(config_.activation, states.data(), hidden, rows, hidden);
  kernels_.norm(states.data(), hidden, rows, hidden, norm_weight_.data(), norm_bias_.data(), config_.layer_norm_eps);
  // Words are read as they are stored: packed ones would double the memory of the model.
  constexpr int part = 64;
  const int parts = (config_.vocab_size + part - 1) / part;
  const int block_rows = kernels_.block_rows;
  for (int first = 0; first < rows; first += block_rows) {
    Codes codes;
    const Rows block{states.data() + static_cast<std::size_t>(first) * hidden, static_cast<std::size_t>(hidden),
                     std::min(block_rows, rows - first), codes};
    if (precision_ == Precision::int8) {
      const std::size_t row_codes = round_up(hidden, 4 * kernels_.lanes);
      codes.data.resize(row_codes * kernels_.code_bytes * block.count);
      codes.scales.resize(block.count);
      kernels_.quantize(block.values, block.stride, block.count, hidden, codes.data.data(), row_codes,
                        codes.scales.data());
    }
    float* logits = out + static_cast<std::size_t>(first) * config_.vocab_size;
    pool.for_each(parts, [&](int i, int) {
      decode(block, i * part, std::min(part, config_.vocab_size - i * part), logits);
    });
  }
}

void Vocabulary::decode(const Rows& rows, int first, int words, float* out) const {
  const int hidden = config_.hidden_size;
  const std::size_t start = static_cast<std::size_t>(first) * hidden, stride = config_.vocab_size;
  if (precision_ == Precision::int8) {
    const UnpackedInt8Weights weights{static_cast<const std::int8_t*>(words_.data) + start, words_.scales + first,
                                      bias_.data() + first, hidden, words};
    kernels_.unpacked_int8(weights, rows.codes.data.data(), round_up(hidden, 4 * kernels_.lanes),
                           rows.codes.scales.data(), rows.count, out + first, stride);
    return;
  }
  std::vector<float> values(static_cast<std::size_t>(words) * hidden);
  for (int word = 0; word < words; ++word) {
    words_.read_row(first + word, values.data() + static_cast<std::size_t>(word) * hidden);
  }
  kernels_.unpacked_fp32({values.data(), bias_.data() + first, hidden, words}, rows.values, rows.stride, rows.count,
                         out + first, stride);
}

}  // namespace squeezebert
