// WebAssembly SIMD: 4 lanes, dot products of two 16-bit numbers, as the fixed-width instructions have them.
#pragma once

#include <wasm_simd128.h>

#include <cstdint>

namespace squeezebert::SQUEEZEBERT_ISA {

using Floats = v128_t;
// A type of its own, so that overloads can tell it from Floats.
struct Ints {
  v128_t bits;
};

constexpr int lanes = 4;
constexpr int depth = 2;
// 10 accumulators, 2 weights, 1 broadcast and 1 product of the 15 registers that browsers leave on x86-64.
constexpr int tile_rows = 5;
constexpr int tile_vectors = 2;

using Code = std::int16_t;
constexpr int code_offset = 0;
constexpr int largest_code = 127;
constexpr int largest_probability = 255;

inline Floats zeros() { return wasm_f32x4_const_splat(0.0f); }
inline Floats broadcast(float x) { return wasm_f32x4_splat(x); }
inline Floats load(const float* p) { return wasm_v128_load(p); }
inline Floats load_partial(const float* p, int count) {
  Floats x = zeros();
  if (count > 0) x = wasm_v128_load32_lane(p, x, 0);
  if (count > 1) x = wasm_v128_load32_lane(p + 1, x, 1);
  if (count > 2) x = wasm_v128_load32_lane(p + 2, x, 2);
  return x;
}
inline void store(float* p, Floats x) { wasm_v128_store(p, x); }
inline Floats add(Floats a, Floats b) { return wasm_f32x4_add(a, b); }
inline Floats sub(Floats a, Floats b) { return wasm_f32x4_sub(a, b); }
inline Floats mul(Floats a, Floats b) { return wasm_f32x4_mul(a, b); }
inline Floats div(Floats a, Floats b) { return wasm_f32x4_div(a, b); }
inline Floats fma(Floats a, Floats b, Floats c) { return wasm_f32x4_add(wasm_f32x4_mul(a, b), c); }
// One instruction each on x86-64, unlike wasm_f32x4_min and _max.
inline Floats min(Floats a, Floats b) { return wasm_f32x4_pmin(b, a); }
inline Floats max(Floats a, Floats b) { return wasm_f32x4_pmax(b, a); }
inline Floats abs(Floats x) { return wasm_f32x4_abs(x); }
inline Floats round(Floats x) { return wasm_f32x4_nearest(x); }
inline Floats times_power_of_two(Floats x, Floats n) {
  const v128_t whole = wasm_i32x4_trunc_sat_f32x4(n);
  const v128_t exponent = wasm_i32x4_shl(wasm_i32x4_add(whole, wasm_i32x4_const_splat(127)), 23);
  return wasm_f32x4_mul(x, exponent);
}
inline float sum(Floats x) {
  return (wasm_f32x4_extract_lane(x, 0) + wasm_f32x4_extract_lane(x, 2)) +
         (wasm_f32x4_extract_lane(x, 1) + wasm_f32x4_extract_lane(x, 3));
}
inline float largest(Floats x) {
  const v128_t half = max(x, wasm_i32x4_shuffle(x, x, 2, 3, 0, 1));
  return wasm_f32x4_extract_lane(max(half, wasm_i32x4_shuffle(half, half, 1, 0, 3, 2)), 0);
}

inline void keep_in_register(Ints& x) { asm volatile("" : "+r"(x.bits)); }
inline void keep_in_register(Floats& x) { asm volatile("" : "+r"(x)); }

inline Ints load(const std::int32_t* p) { return {wasm_v128_load(p)}; }
inline void store(std::int32_t* p, Ints x) { wasm_v128_store(p, x.bits); }
inline Ints to_ints(Floats x) { return {wasm_i32x4_trunc_sat_f32x4(wasm_f32x4_nearest(x))}; }
inline Floats to_floats(Ints x) { return wasm_f32x4_convert_i32x4(x.bits); }

inline Ints load_weights(const std::int8_t* p) { return {wasm_i16x8_load8x8(p)}; }
inline Ints broadcast_codes(const Code* p) { return {wasm_v128_load32_splat(p)}; }
inline Ints dot(Ints sums, Ints codes, Ints weights) {
  return {wasm_i32x4_add(sums.bits, wasm_i32x4_dot_i16x8(codes.bits, weights.bits))};
}

inline void store_bytes(std::int8_t* p, Ints a, Ints b, Ints c, Ints d) {
  const v128_t low = wasm_i16x8_narrow_i32x4(a.bits, b.bits), high = wasm_i16x8_narrow_i32x4(c.bits, d.bits);
  wasm_v128_store(p, wasm_i8x16_narrow_i16x8(low, high));
}
// The two values of each lane side by side.
inline void store_interleaved(std::int8_t* p, const Ints (&values)[depth]) {
  const v128_t words = wasm_i16x8_narrow_i32x4(values[0].bits, values[1].bits);
  const v128_t pairs = wasm_i16x8_shuffle(words, words, 0, 4, 1, 5, 2, 6, 3, 7);
  wasm_v128_store64_lane(p, wasm_i8x16_narrow_i16x8(pairs, pairs), 0);
}
inline void store_codes(Code* p, Ints a, Ints b, Ints c, Ints d) {
  wasm_v128_store(p, wasm_i16x8_narrow_i32x4(a.bits, b.bits));
  wasm_v128_store(p + 8, wasm_i16x8_narrow_i32x4(c.bits, d.bits));
}
inline void store_probabilities(Code* p, Ints a, Ints b, Ints c, Ints d) { store_codes(p, a, b, c, d); }

}  // namespace squeezebert::SQUEEZEBERT_ISA
