// Plain C++: loops over 4 lanes that any compiler can put into the vectors of its processor.
#pragma once

#include <cmath>
#include <cstdint>

namespace squeezebert::SQUEEZEBERT_ISA {

constexpr int lanes = 4;
constexpr int depth = 2;
constexpr int tile_rows = 4;
constexpr int tile_vectors = 2;

struct Floats {
  float at[lanes];
};
// Sums of products, or the `depth` codes or weights of each lane.
struct Ints {
  std::int32_t at[lanes];
};

using Code = std::int16_t;
constexpr int code_offset = 0;
constexpr int largest_probability = 255;

template <typename F>
inline Floats each(F value_at) {
  Floats result;
  for (int i = 0; i < lanes; ++i) result.at[i] = value_at(i);
  return result;
}
template <typename F>
inline Ints each_int(F value_at) {
  Ints result;
  for (int i = 0; i < lanes; ++i) result.at[i] = value_at(i);
  return result;
}

inline Floats broadcast(float x) { return each([&](int) { return x; }); }
inline Floats zeros() { return broadcast(0.0f); }
inline Floats load(const float* p) { return each([&](int i) { return p[i]; }); }
inline Floats load_partial(const float* p, int count) {
  return each([&](int i) { return i < count ? p[i] : 0.0f; });
}
inline void store(float* p, Floats x) {
  for (int i = 0; i < lanes; ++i) p[i] = x.at[i];
}
inline Floats add(Floats a, Floats b) { return each([&](int i) { return a.at[i] + b.at[i]; }); }
inline Floats sub(Floats a, Floats b) { return each([&](int i) { return a.at[i] - b.at[i]; }); }
inline Floats mul(Floats a, Floats b) { return each([&](int i) { return a.at[i] * b.at[i]; }); }
inline Floats div(Floats a, Floats b) { return each([&](int i) { return a.at[i] / b.at[i]; }); }
inline Floats fma(Floats a, Floats b, Floats c) {
  return each([&](int i) { return a.at[i] * b.at[i] + c.at[i]; });
}
inline Floats min(Floats a, Floats b) { return each([&](int i) { return a.at[i] < b.at[i] ? a.at[i] : b.at[i]; }); }
inline Floats max(Floats a, Floats b) { return each([&](int i) { return a.at[i] > b.at[i] ? a.at[i] : b.at[i]; }); }
inline Floats abs(Floats x) { return each([&](int i) { return std::fabs(x.at[i]); }); }
// Adding and taking away 1.5 * 2^23 rounds to nearest even below 2^22.
inline float nearest(float x) {
  const volatile float shifted = x + 12582912.0f;
  return std::fabs(x) < 4194304.0f ? shifted - 12582912.0f : x;
}
inline Floats round(Floats x) { return each([&](int i) { return nearest(x.at[i]); }); }
inline Floats times_power_of_two(Floats x, Floats n) {
  return each([&](int i) {
    const std::int32_t bits = (static_cast<std::int32_t>(n.at[i]) + 127) * (1 << 23);
    float power;
    __builtin_memcpy(&power, &bits, sizeof power);
    return x.at[i] * power;
  });
}
inline float sum(Floats x) { return (x.at[0] + x.at[2]) + (x.at[1] + x.at[3]); }
inline float largest(Floats x) {
  float result = x.at[0];
  for (int i = 1; i < lanes; ++i) result = x.at[i] > result ? x.at[i] : result;
  return result;
}

// There is no register to name; in memory the value is hidden from the compiler all the same.
inline void keep_in_register(Ints& x) { asm volatile("" : "+m"(x)); }
inline void keep_in_register(Floats& x) { asm volatile("" : "+m"(x)); }

inline Ints load(const std::int32_t* p) { return each_int([&](int i) { return p[i]; }); }
inline void store(std::int32_t* p, Ints x) {
  for (int i = 0; i < lanes; ++i) p[i] = x.at[i];
}
inline Ints to_ints(Floats x) { return each_int([&](int i) { return static_cast<std::int32_t>(nearest(x.at[i])); }); }
inline Floats to_floats(Ints x) { return each([&](int i) { return static_cast<float>(x.at[i]); }); }

// Two 16-bit numbers in one.
inline std::int32_t pair(std::int32_t low, std::int32_t high) { return (low & 0xffff) | (high * 65536); }
inline Ints load_weights(const std::int8_t* p) {
  return each_int([&](int i) { return pair(p[2 * i], p[2 * i + 1]); });
}
inline Ints broadcast_codes(const Code* p) {
  return each_int([&](int) { return pair(p[0], p[1]); });
}
inline Ints dot(Ints sums, Ints codes, Ints weights) {
  return each_int([&](int i) {
    const std::int32_t a = codes.at[i], w = weights.at[i];
    return sums.at[i] + static_cast<std::int16_t>(a) * static_cast<std::int16_t>(w) + (a >> 16) * (w >> 16);
  });
}

template <typename T>
inline void store_as(T* p, Ints a, Ints b, Ints c, Ints d) {
  for (int i = 0; i < lanes; ++i) {
    p[i] = static_cast<T>(a.at[i]);
    p[lanes + i] = static_cast<T>(b.at[i]);
    p[2 * lanes + i] = static_cast<T>(c.at[i]);
    p[3 * lanes + i] = static_cast<T>(d.at[i]);
  }
}
inline void store_bytes(std::int8_t* p, Ints a, Ints b, Ints c, Ints d) { store_as(p, a, b, c, d); }
// The values of each lane side by side.
inline void store_interleaved(std::int8_t* p, const Ints (&values)[depth]) {
  for (int i = 0; i < lanes; ++i) {
    for (int j = 0; j < depth; ++j) p[i * depth + j] = static_cast<std::int8_t>(values[j].at[i]);
  }
}
inline void store_codes(Code* p, Ints a, Ints b, Ints c, Ints d) { store_as(p, a, b, c, d); }
inline void store_probabilities(Code* p, Ints a, Ints b, Ints c, Ints d) { store_as(p, a, b, c, d); }

}  // namespace squeezebert::SQUEEZEBERT_ISA
