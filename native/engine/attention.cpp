#include "attention.h"

#include <algorithm>
#include <vector>

namespace squeezebert {

namespace {

// Where the keys of each text begin, counted in keys; texts begin on a multiple of four vectors.
std::vector<std::size_t> padded_starts(const Batch& batch, int unit) {
  std::vector<std::size_t> starts(batch.texts + 1, 0);
  for (int text = 0; text < batch.texts; ++text) starts[text + 1] = starts[text] + round_up(batch.length(text), unit);
  return starts;
}

class Int8Attention final : public Attention {
 public:
  Int8Attention(const Kernels& kernels, int heads, int head_size)
      : kernels_(kernels),
        heads_(heads),
        head_size_(head_size),
        query_codes_(round_up(head_size, 4 * kernels.lanes)),
        key_bytes_(round_up(head_size, kernels.depth)),
        value_bytes_(round_up(head_size, kernels.lanes)) {}

  void resize(const Batch& batch) override {
    batch_ = batch;
    starts_ = padded_starts(batch, 4 * kernels_.lanes);
    const std::size_t keys = starts_.back() * heads_, queries = static_cast<std::size_t>(batch.rows()) * heads_;
    queries_.resize(queries * query_codes_ * kernels_.code_bytes);
    query_scales_.resize(queries);
    keys_.resize(keys * key_bytes_);
    key_starts_.resize(keys);
    key_scales_.resize(keys);
    values_.resize(keys * value_bytes_);
    value_scales_.resize(keys);
  }

  void put_queries(const Block& block, const float* x, std::size_t stride) override {
    for (int r = 0; r < block.rows; ++r) {
      for (int h = 0; h < heads_; ++h) {
        const std::size_t at = static_cast<std::size_t>(block.row + r) * heads_ + h;
        kernels_.quantize(x + r * stride + h * head_size_, 0, 1, head_size_, query_at(at), 0, &query_scales_[at]);
      }
    }
  }

  void put_keys(const Block& block, const float* x, std::size_t stride) override {
    put(block, x, stride, kernels_.store_key_int8);
  }
  void put_values(const Block& block, const float* x, std::size_t stride) override {
    put(block, x, stride, kernels_.store_value_int8);
  }

  void attend(const Block& block, float* out, std::size_t stride) const override {
    for (const Segment& s : block.segments) {
      for (int h = 0; h < heads_; ++h) {
        const std::size_t at = static_cast<std::size_t>(s.row) * heads_ + h;
        kernels_.attend_int8(query_at(at), heads_ * query_codes_, &query_scales_[at], heads_, s.rows,
                             head_of(s.text, h), batch_.length(s.text), head_size_,
                             out + (s.row - block.row) * stride + h * head_size_, stride);
      }
    }
  }

 private:
  char* query_at(std::size_t index) const {
    return const_cast<char*>(queries_.data()) + index * query_codes_ * kernels_.code_bytes;
  }

  Int8Head head_of(int text, int h) const {
    // [text, head, key]: what one head reads lies together.
    const std::size_t padded = starts_[text + 1] - starts_[text], key = starts_[text] * heads_ + h * padded;
    auto* self = const_cast<Int8Attention*>(this);
    return {self->keys_.data() + key * key_bytes_,     self->key_starts_.data() + key,
            self->key_scales_.data() + key,            self->values_.data() + key * value_bytes_,
            self->value_scales_.data() + key};
  }

  template <typename Store>
  void put(const Block& block, const float* x, std::size_t stride, Store store) {
    for (const Segment& s : block.segments) {
      for (int h = 0; h < heads_; ++h) {
        const Int8Head head = head_of(s.text, h);
        const float* rows = x + (s.row - block.row) * stride + h * head_size_;
        for (int r = 0; r < s.rows; ++r) store(rows + r * stride, head_size_, s.position + r, head);
      }
    }
  }

  const Kernels& kernels_;
  const int heads_, head_size_;
  const std::size_t query_codes_, key_bytes_, value_bytes_;
  Batch batch_{};
  std::vector<std::size_t> starts_;
  Buffer<char> queries_;
  Buffer<float> query_scales_, key_scales_, value_scales_;
  Buffer<std::int8_t> keys_, values_;
  Buffer<std::int32_t> key_starts_;
};

class Fp32Attention final : public Attention {
 public:
  Fp32Attention(const Kernels& kernels, int heads, int head_size)
      : kernels_(kernels), heads_(heads), head_size_(head_size), value_size_(round_up(head_size, kernels.lanes)) {}

  void resize(const Batch& batch) override {
    batch_ = batch;
    starts_ = padded_starts(batch, 4 * kernels_.lanes);
    queries_.resize(static_cast<std::size_t>(batch.rows()) * heads_ * head_size_);
    keys_.resize(starts_.back() * heads_ * head_size_);
    values_.resize(starts_.back() * heads_ * value_size_);
  }

  void put_queries(const Block& block, const float* x, std::size_t stride) override {
    const std::size_t hidden = static_cast<std::size_t>(heads_) * head_size_;
    for (int r = 0; r < block.rows; ++r) {
      std::copy_n(x + r * stride, hidden, queries_.data() + (block.row + r) * hidden);
    }
  }
  void put_keys(const Block& block, const float* x, std::size_t stride) override {
    put(block, x, stride, kernels_.store_key_fp32);
  }
  void put_values(const Block& block, const float* x, std::size_t stride) override {
    put(block, x, stride, kernels_.store_value_fp32);
  }

  void attend(const Block& block, float* out, std::size_t stride) const override {
    const std::size_t hidden = static_cast<std::size_t>(heads_) * head_size_;
    for (const Segment& s : block.segments) {
      for (int h = 0; h < heads_; ++h) {
        kernels_.attend_fp32(queries_.data() + s.row * hidden + h * head_size_, hidden, s.rows, head_of(s.text, h),
                             batch_.length(s.text), head_size_, out + (s.row - block.row) * stride + h * head_size_,
                             stride);
      }
    }
  }

 private:
  Fp32Head head_of(int text, int h) const {
    const std::size_t padded = starts_[text + 1] - starts_[text], key = starts_[text] * heads_ + h * padded;
    auto* self = const_cast<Fp32Attention*>(this);
    return {self->keys_.data() + key * head_size_, self->values_.data() + key * value_size_};
  }

  template <typename Store>
  void put(const Block& block, const float* x, std::size_t stride, Store store) {
    for (const Segment& s : block.segments) {
      for (int h = 0; h < heads_; ++h) {
        const Fp32Head head = head_of(s.text, h);
        const float* rows = x + (s.row - block.row) * stride + h * head_size_;
        for (int r = 0; r < s.rows; ++r) store(rows + r * stride, head_size_, s.position + r, head);
      }
    }
  }

  const Kernels& kernels_;
  const int heads_, head_size_;
  const std::size_t value_size_;
  Batch batch_{};
  std::vector<std::size_t> starts_;
  Buffer<float> queries_, keys_, values_;
};

}  // namespace

std::unique_ptr<Attention> make_attention(const Kernels& kernels, Precision precision, int heads, int head_size) {
  if (precision == Precision::int8) return std::make_unique<Int8Attention>(kernels, heads, head_size);
  return std::make_unique<Fp32Attention>(kernels, heads, head_size);
}

}  // namespace squeezebert
