// What the tests share: failures, comparisons, memory.
//
// Memory for kernels comes from vectors of exactly the size that table.h asks for, filled with numbers that
// spoil every result: so a sanitizer sees reads and writes beyond, and a comparison sees what was read unset.
#pragma once

#include <cmath>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <vector>

#include "kernels/table.h"
#include "random.h"

namespace squeezebert::selftest {

struct Failure : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// "name=1 other=2", for messages.
template <typename... Values>
std::string describe(const char* names, Values... values) {
  std::string text = names;
  ((text += " " + std::to_string(values)), ...);
  return text;
}

inline void require(bool holds, const std::string& what) {
  if (!holds) throw Failure(what);
}

// NaN is close to nothing.
inline void require_close(double found, double expected, double tolerance, const std::string& what) {
  if (std::fabs(found - expected) <= tolerance) return;
  throw Failure(what + ": " + std::to_string(found) + " instead of " + std::to_string(expected) + ", tolerance " +
                std::to_string(tolerance));
}

inline std::vector<float> unset_floats(std::size_t size) { return std::vector<float>(size, std::nanf("")); }

inline std::vector<float> normal_floats(Random& random, std::size_t size, float scale = 1.0f) {
  std::vector<float> values(size);
  for (float& value : values) value = scale * random.normal();
  return values;
}

inline int round_up_to(int count, int unit) { return (count + unit - 1) / unit * unit; }

// The length of `rows` rows of which the last has only `columns` columns.
inline std::size_t extent(int rows, std::size_t stride, int columns) { return (rows - 1) * stride + columns; }

}  // namespace squeezebert::selftest
