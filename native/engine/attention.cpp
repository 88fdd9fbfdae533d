#include "attention.h"

#include <algorithm>
#include <vector>

namespace squeezebert {

namespace {

// What both precisions share: where the keys of each text begin, and the walk over a block's segments.
class RaggedAttention : public Attention {
 protected:
  RaggedAttention(const Kernels& kernels, HeadShape shape) : kernels_(kernels), shape_(shape) {}

  // Texts begin on a multiple of four vectors. Returns the keys of all texts.
  std::size_t lay_out(const Batch& batch) {
    batch_ = batch;
    starts_.assign(batch.texts + 1, 0);
    for (int text = 0; text < batch.texts; ++text) {
      starts_[text + 1] = starts_[text] + round_up(batch.length(text), 4 * kernels_.lanes);
    }
    return starts_.back();
  }

  // The first of a text's keys, counted over the heads of all texts before it.
  std::size_t first_key(int text) const { return starts_[text] * shape_.heads; }
  int padded_keys(int text) const { return static_cast<int>(starts_[text + 1] - starts_[text]); }

  const Kernels& kernels_;
  const HeadShape shape_;
  Batch batch_{};

 private:
  std::vector<std::size_t> starts_;
};

class Int8Attention final : public RaggedAttention {
 public:
  Int8Attention(const Kernels& kernels, HeadShape shape)
      : RaggedAttention(kernels, shape),
        query_bytes_(shape.heads * round_up(shape.size, 4 * kernels.lanes) * kernels.code_bytes),
        key_bytes_(round_up(shape.size, kernels.input_unit)),
        value_bytes_(round_up(shape.size, kernels.lanes)) {}

  void resize(const Batch& batch) override {
    const std::size_t keys = lay_out(batch) * shape_.heads, rows = batch.rows();
    queries_.resize(rows * query_bytes_);
    query_scales_.resize(rows * shape_.heads);
    keys_.resize(keys * key_bytes_);
    key_starts_.resize(keys);
    key_scales_.resize(keys);
    values_.resize(keys * value_bytes_);
    value_scales_.resize(keys);
  }

  void put_queries(const Block& block, const float* x, std::size_t stride) override {
    kernels_.store_queries_int8(x, stride, block.rows, shape_, queries_.data() + block.row * query_bytes_,
                                query_scales_.data() + static_cast<std::size_t>(block.row) * shape_.heads);
  }
  void put_keys(const Block& block, const float* x, std::size_t stride) override {
    for (const Segment& s : block.segments) {
      kernels_.store_keys_int8(x + (s.row - block.row) * stride, stride, s.rows, s.position, shape_, text_of(s));
    }
  }
  void put_values(const Block& block, const float* x, std::size_t stride) override {
    for (const Segment& s : block.segments) {
      kernels_.store_values_int8(x + (s.row - block.row) * stride, stride, s.rows, s.position, shape_, text_of(s));
    }
  }
  void attend(const Block& block, float* out, std::size_t stride) override {
    for (const Segment& s : block.segments) {
      kernels_.attend_int8(queries_.data() + s.row * query_bytes_,
                           query_scales_.data() + static_cast<std::size_t>(s.row) * shape_.heads, s.rows,
                           batch_.length(s.text), shape_, text_of(s), out + (s.row - block.row) * stride, stride);
    }
  }

 private:
  Int8Text text_of(const Segment& s) {
    const std::size_t key = first_key(s.text);
    return {keys_.data() + key * key_bytes_,     key_starts_.data() + key,   key_scales_.data() + key,
            values_.data() + key * value_bytes_, value_scales_.data() + key, padded_keys(s.text)};
  }

  const std::size_t query_bytes_, key_bytes_, value_bytes_;
  Buffer<char> queries_;
  Buffer<float> query_scales_, key_scales_, value_scales_;
  Buffer<std::int8_t> keys_, values_;
  Buffer<std::int32_t> key_starts_;
};

class Fp32Attention final : public RaggedAttention {
 public:
  Fp32Attention(const Kernels& kernels, HeadShape shape)
      : RaggedAttention(kernels, shape),
        hidden_(static_cast<std::size_t>(shape.heads) * shape.size),
        value_size_(round_up(shape.size, kernels.lanes)) {}

  void resize(const Batch& batch) override {
    const std::size_t keys = lay_out(batch) * shape_.heads;
    queries_.resize(batch.rows() * hidden_);
    keys_.resize(keys * shape_.size);
    values_.resize(keys * value_size_);
  }

  void put_queries(const Block& block, const float* x, std::size_t stride) override {
    for (int r = 0; r < block.rows; ++r) {
      std::copy_n(x + r * stride, hidden_, queries_.data() + (block.row + r) * hidden_);
    }
  }
  void put_keys(const Block& block, const float* x, std::size_t stride) override {
    for (const Segment& s : block.segments) {
      kernels_.store_keys_fp32(x + (s.row - block.row) * stride, stride, s.rows, s.position, shape_, text_of(s));
    }
  }
  void put_values(const Block& block, const float* x, std::size_t stride) override {
    for (const Segment& s : block.segments) {
      kernels_.store_values_fp32(x + (s.row - block.row) * stride, stride, s.rows, s.position, shape_, text_of(s));
    }
  }
  void attend(const Block& block, float* out, std::size_t stride) override {
    for (const Segment& s : block.segments) {
      kernels_.attend_fp32(queries_.data() + s.row * hidden_, s.rows, batch_.length(s.text), shape_, text_of(s),
                           out + (s.row - block.row) * stride, stride);
    }
  }

 private:
  Fp32Text text_of(const Segment& s) {
    const std::size_t key = first_key(s.text);
    return {keys_.data() + key * shape_.size, values_.data() + key * value_size_, padded_keys(s.text)};
  }

  const std::size_t hidden_, value_size_;
  Buffer<float> queries_, keys_, values_;
};

}  // namespace

std::unique_ptr<Attention> make_attention(const Kernels& kernels, Precision precision, HeadShape shape) {
  if (precision == Precision::int8) return std::make_unique<Int8Attention>(kernels, shape);
  return std::make_unique<Fp32Attention>(kernels, shape);
}

}  // namespace squeezebert
