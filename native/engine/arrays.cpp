#include "arrays.h"

#include <cstring>
#include <stdexcept>

namespace squeezebert {

namespace {

std::string text_of(const std::vector<std::size_t>& shape) {
  std::string text = "[";
  for (std::size_t i = 0; i < shape.size(); ++i) text += (i ? ", " : "") + std::to_string(shape[i]);
  return text + "]";
}

std::vector<std::size_t> without_ones(std::vector<std::size_t> shape) {
  while (shape.size() > 1 && shape.back() == 1) shape.pop_back();
  return shape;
}

float half_to_float(std::uint16_t half) {
  const std::uint32_t sign = static_cast<std::uint32_t>(half & 0x8000u) << 16;
  const std::uint32_t rest = half & 0x7fffu;
  // Shifting exponent and mantissa into place leaves the exponent too small by 127 - 15; the
  // multiplication corrects it, for subnormal halves too.
  std::uint32_t bits = rest << 13;
  float value;
  std::memcpy(&value, &bits, sizeof value);
  value *= 0x1p112f;
  if (rest >= 0x7c00u) value = rest == 0x7c00u ? __builtin_inff() : __builtin_nanf("");
  std::memcpy(&bits, &value, sizeof bits);
  bits |= sign;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

}  // namespace

void check(const Config& c) {
  const auto require = [](bool holds, const std::string& message) {
    if (!holds) throw std::invalid_argument(message);
  };
  constexpr int most = 1 << 24;        // Sizes beyond overflow what is computed from them.
  constexpr int most_inputs = 1 << 16;  // More products of codes, 255 times 127 at most, overflow their sum.
  for (const int size : {c.vocab_size, c.hidden_size, c.num_hidden_layers, c.num_attention_heads, c.intermediate_size,
                         c.max_position_embeddings, c.type_vocab_size}) {
    require(size > 0 && size <= most, "a size of the config is " + std::to_string(size) + ", not in 1 to 2^24");
  }
  require(c.hidden_size % c.num_attention_heads == 0, "hidden_size is not divisible by num_attention_heads");
  for (const int groups :
       {c.q_groups, c.k_groups, c.v_groups, c.post_attention_groups, c.intermediate_groups, c.output_groups}) {
    require(groups > 0 && c.hidden_size % groups == 0, "hidden_size is not divisible by a group count");
  }
  for (const int groups : {c.intermediate_groups, c.output_groups}) {
    require(c.intermediate_size % groups == 0, "intermediate_size is not divisible by a group count");
  }
  require(c.hidden_size <= most_inputs && c.intermediate_size / c.output_groups <= most_inputs,
          "hidden_size or intermediate_size / output_groups is more than 65536");
}

std::size_t Array::columns() const {
  std::size_t count = 1;
  for (std::size_t axis = 1; axis < shape.size(); ++axis) count *= shape[axis];
  return count;
}

void Array::read_row(std::size_t index, float* out) const {
  const std::size_t count = columns(), first = index * count;
  switch (type) {
    case Type::float32:
      std::memcpy(out, static_cast<const float*>(data) + first, count * sizeof(float));
      break;
    case Type::float16:
      for (std::size_t i = 0; i < count; ++i) out[i] = half_to_float(static_cast<const std::uint16_t*>(data)[first + i]);
      break;
    case Type::int8:
      for (std::size_t i = 0; i < count; ++i) out[i] = scales[index] * static_cast<const std::int8_t*>(data)[first + i];
      break;
  }
}

const Array& Arrays::any(const std::string& name) const {
  const auto found = arrays_.find(name);
  if (found == arrays_.end()) throw std::invalid_argument(name + " is missing");
  return found->second;
}

const Array& Arrays::get(const std::string& name, std::vector<std::size_t> shape) const {
  const Array& array = any(name);
  if (without_ones(array.shape) != without_ones(shape)) {
    throw std::invalid_argument(name + " has the shape " + text_of(array.shape) + " instead of " + text_of(shape));
  }
  if (array.type == Type::int8 && !array.scales) throw std::invalid_argument(name + " is int8 and has no scales");
  return array;
}

std::vector<float> Arrays::floats(const std::string& name, std::vector<std::size_t> shape) const {
  const Array& array = get(name, shape);
  std::vector<float> values(array.rows() * array.columns());
  for (std::size_t row = 0; row < array.rows(); ++row) array.read_row(row, values.data() + row * array.columns());
  return values;
}

}  // namespace squeezebert
