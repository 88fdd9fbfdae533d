// Random numbers that are the same on every platform, unlike those of <random>'s distributions.
#pragma once

#include <cmath>
#include <cstdint>
#include <vector>

namespace squeezebert::selftest {

// SplitMix64: Steele, Lea and Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014.
class Random {
 public:
  Random(std::uint64_t seed, std::uint64_t stream) : state_(seed * 0x9e3779b97f4a7c15u + stream) {
    state_ = bits();
    state_ ^= bits();
  }

  std::uint64_t bits() {
    std::uint64_t z = (state_ += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  }

  // Evenly in [low, high].
  int between(int low, int high) {
    return low + static_cast<int>(bits() % (static_cast<std::uint64_t>(high) - low + 1));
  }
  // In [low, high], small sizes as often as large ones; 1 <= low.
  int size(int low, int high) {
    const double size = low * std::pow((high + 1.0) / low, uniform());
    return size < high ? static_cast<int>(size) : high;
  }
  bool one_in(int count) { return between(1, count) == 1; }
  template <typename T>
  T pick(const std::vector<T>& choices) {
    return choices[between(0, static_cast<int>(choices.size()) - 1)];
  }

  // In [0, 1).
  double uniform() { return static_cast<double>(bits() >> 11) * 0x1p-53; }
  // Mean 0, variance 1; the sum of twelve uniform numbers.
  float normal() {
    double total = -6.0;
    for (int i = 0; i < 12; ++i) total += uniform();
    return static_cast<float>(total);
  }

 private:
  std::uint64_t state_;
};

}  // namespace squeezebert::selftest
