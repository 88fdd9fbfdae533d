// What a model is made from: its sizes, and named arrays as a checkpoint stores them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "../kernels/table.h"

namespace squeezebert {

// The fields of config.json that the computation needs, under their names there.
struct Config {
  int vocab_size, hidden_size, num_hidden_layers, num_attention_heads, intermediate_size;
  int max_position_embeddings, type_vocab_size;
  int q_groups, k_groups, v_groups, post_attention_groups, intermediate_groups, output_groups;
  float layer_norm_eps;
  Activation activation;

  int head_size() const { return hidden_size / num_attention_heads; }
};

// Sizes that contradict each other throw std::invalid_argument.
void check(const Config& config);

enum class Type { int8, float16, float32 };

// A view of somebody else's memory. int8 comes with one scale per row.
struct Array {
  Type type;
  const void* data;
  std::vector<std::size_t> shape;
  const float* scales;

  std::size_t rows() const { return shape.empty() ? 1 : shape[0]; }
  std::size_t columns() const;
  // Row `index` as float32 [columns].
  void read_row(std::size_t index, float* out) const;
};

class Arrays {
 public:
  void add(const std::string& name, const Array& array) { arrays_[name] = array; }
  bool has(const std::string& name) const { return arrays_.count(name) > 0; }
  // The array `name`, of any shape. Throws std::invalid_argument where there is none, as the others do.
  const Array& any(const std::string& name) const;
  // The array `name`, of this shape; trailing axes of size 1 do not count.
  const Array& get(const std::string& name, std::vector<std::size_t> shape) const;
  // The same as float32.
  std::vector<float> floats(const std::string& name, std::vector<std::size_t> shape) const;

 private:
  std::map<std::string, Array> arrays_;
};

}  // namespace squeezebert
