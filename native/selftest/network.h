// Small random networks: sizes, weights in every stored form, texts, and their forward pass in double precision.
#pragma once

#include <map>
#include <string>

#include "engine/model.h"
#include "reference.h"
#include "testing.h"

namespace squeezebert::selftest {

// Named arrays and what each of their elements is worth.
class Weights {
 public:
  // Normal numbers times `scale`, plus `centre`, rounded to what `type` can hold.
  void add(Random& random, const std::string& name, std::vector<std::size_t> shape, Type type, float scale,
           float centre = 0.0f);
  // Powers of two, by which the int8 weights of some layers are divided.
  void smooth(Random& random, const std::string& name, int channels, const std::vector<std::string>& layers);
  const std::vector<float>& operator[](const std::string& name) const { return stored_.at(name).values; }
  // Views into this.
  Arrays arrays() const;

 private:
  struct Stored {
    Type type;
    std::vector<std::size_t> shape;
    std::vector<char> bytes;
    std::vector<float> scales, values;
  };
  std::map<std::string, Stored> stored_;
};

struct Texts {
  std::vector<std::int32_t> ids, segments, positions, starts{0};

  int count() const { return static_cast<int>(starts.size()) - 1; }
  int rows() const { return starts.back(); }
  int length(int text) const { return starts[text + 1] - starts[text]; }
  Batch batch() const { return {ids.data(), segments.data(), positions.data(), starts.data(), count()}; }
  void append(const Texts& other, int text);
};

struct Network {
  Config config;
  Head head;
  int labels;
  bool has_pooler;
  Weights weights;
};

Config random_config(Random& random);
Network random_network(Random& random);
Texts random_texts(Random& random, const Config& config);

// What Model::run returns for all rows of one text, in the same order, in double precision.
std::vector<Doubles> forward(const Network& network, const Texts& texts, int text);

}  // namespace squeezebert::selftest
