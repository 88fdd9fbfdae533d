// No processor in particular: 4 lanes in the vector types of GCC and Clang, which they put into what registers
// there are. (Loops over arrays they leave scalar, five times slower.)
#pragma once

#include <cstdint>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace squeezebert::SQUEEZEBERT_ISA {

constexpr int lanes = 4;
constexpr int depth = 2;
constexpr int tile_rows = 4;
constexpr int tile_vectors = 2;

using Floats = float __attribute__((vector_size(16)));
// Sums of products, or the `depth` codes or weights of each lane.
using Ints = std::int32_t __attribute__((vector_size(16)));

using Code = std::int16_t;
constexpr int code_offset = 0;
constexpr int largest_code = 127;
constexpr int largest_probability = 255;

inline Floats broadcast(float x) { return Floats{x, x, x, x}; }
inline Floats zeros() { return Floats{}; }
inline Floats load(const float* p) {
  Floats x;
  __builtin_memcpy(&x, p, sizeof x);
  return x;
}
inline Floats load_partial(const float* p, int count) {
  Floats x = zeros();
  for (int i = 0; i < count; ++i) x[i] = p[i];
  return x;
}
inline void store(float* p, Floats x) { __builtin_memcpy(p, &x, sizeof x); }
inline Floats add(Floats a, Floats b) { return a + b; }
inline Floats sub(Floats a, Floats b) { return a - b; }
inline Floats mul(Floats a, Floats b) { return a * b; }
inline Floats div(Floats a, Floats b) { return a / b; }
inline Floats fma(Floats a, Floats b, Floats c) { return a * b + c; }
inline Floats min(Floats a, Floats b) { return a < b ? a : b; }
inline Floats max(Floats a, Floats b) { return a > b ? a : b; }
inline Floats abs(Floats x) { return reinterpret_cast<Floats>(reinterpret_cast<Ints>(x) & 0x7fffffff); }
// Adding and taking away 1.5 * 2^23 rounds to nearest even below 2^22.
inline Floats round(Floats x) {
  const Floats shift = broadcast(12582912.0f);
  return abs(x) < 4194304.0f ? (x + shift) - shift : x;
}
inline Ints to_ints(Floats x) { return __builtin_convertvector(round(x), Ints); }
inline Floats to_floats(Ints x) { return __builtin_convertvector(x, Floats); }
inline Floats times_power_of_two(Floats x, Floats n) {
  return x * reinterpret_cast<Floats>((__builtin_convertvector(n, Ints) + 127) << 23);
}
inline float sum(Floats x) { return (x[0] + x[2]) + (x[1] + x[3]); }
inline float largest(Floats x) {
  float result = x[0];
  for (int i = 1; i < lanes; ++i) result = x[i] > result ? x[i] : result;
  return result;
}

// There is no register to name; in memory the value is hidden from the compiler all the same.
inline void keep_in_register(Ints& x) { asm volatile("" : "+m"(x)); }
inline void keep_in_register(Floats& x) { asm volatile("" : "+m"(x)); }

inline Ints load(const std::int32_t* p) {
  Ints x;
  __builtin_memcpy(&x, p, sizeof x);
  return x;
}
inline void store(std::int32_t* p, Ints x) { __builtin_memcpy(p, &x, sizeof x); }

// Two 16-bit numbers in each lane.
inline Ints load_weights(const std::int8_t* p) {
  using Bytes = std::int8_t __attribute__((vector_size(8)));
  using Words = std::int16_t __attribute__((vector_size(16)));
  Bytes bytes;
  __builtin_memcpy(&bytes, p, sizeof bytes);
  return reinterpret_cast<Ints>(__builtin_convertvector(bytes, Words));
}
inline Ints broadcast_codes(const Code* p) {
  std::int32_t both;
  __builtin_memcpy(&both, p, sizeof both);
  return Ints{both, both, both, both};
}
inline Ints dot(Ints sums, Ints codes, Ints weights) {
#if defined(__SSE2__)
  // Every x86-64 has the instruction; compilers do not find it by themselves.
  const __m128i products = _mm_madd_epi16(reinterpret_cast<__m128i>(codes), reinterpret_cast<__m128i>(weights));
  return sums + reinterpret_cast<Ints>(products);
#else
  return sums + (codes << 16 >> 16) * (weights << 16 >> 16) + (codes >> 16) * (weights >> 16);
#endif
}

template <typename T>
inline void store_as(T* p, Ints a, Ints b, Ints c, Ints d) {
  for (int i = 0; i < lanes; ++i) {
    p[i] = static_cast<T>(a[i]);
    p[lanes + i] = static_cast<T>(b[i]);
    p[2 * lanes + i] = static_cast<T>(c[i]);
    p[3 * lanes + i] = static_cast<T>(d[i]);
  }
}
inline void store_bytes(std::int8_t* p, Ints a, Ints b, Ints c, Ints d) { store_as(p, a, b, c, d); }
// The values of each lane side by side.
inline void store_interleaved(std::int8_t* p, const Ints (&values)[depth]) {
  for (int i = 0; i < lanes; ++i) {
    for (int j = 0; j < depth; ++j) p[i * depth + j] = static_cast<std::int8_t>(values[j][i]);
  }
}
inline void store_codes(Code* p, Ints a, Ints b, Ints c, Ints d) { store_as(p, a, b, c, d); }
inline void store_probabilities(Code* p, Ints a, Ints b, Ints c, Ints d) { store_as(p, a, b, c, d); }

}  // namespace squeezebert::SQUEEZEBERT_ISA
