// NEON with dot products (Armv8.2-A): 4 lanes, 32 registers, dot products of four bytes.
#pragma once

#include <arm_neon.h>

#include <cstdint>

namespace squeezebert::SQUEEZEBERT_ISA {

using Floats = float32x4_t;
using Ints = int32x4_t;

constexpr int lanes = 4;
constexpr int depth = 4;
// 24 accumulators, 3 weights and 1 broadcast of the 32 registers.
constexpr int tile_rows = 8;
constexpr int tile_vectors = 3;

// sdot multiplies signed by signed bytes.
using Code = std::int8_t;
constexpr int code_offset = 0;
constexpr int largest_code = 127;
constexpr int largest_probability = 127;

inline Floats zeros() { return vdupq_n_f32(0.0f); }
inline Floats broadcast(float x) { return vdupq_n_f32(x); }
inline Floats load(const float* p) { return vld1q_f32(p); }
inline Floats load_partial(const float* p, int count) {
  Floats x = zeros();
  if (count > 0) x = vld1q_lane_f32(p, x, 0);
  if (count > 1) x = vld1q_lane_f32(p + 1, x, 1);
  if (count > 2) x = vld1q_lane_f32(p + 2, x, 2);
  return x;
}
inline void store(float* p, Floats x) { vst1q_f32(p, x); }
inline Floats add(Floats a, Floats b) { return vaddq_f32(a, b); }
inline Floats sub(Floats a, Floats b) { return vsubq_f32(a, b); }
inline Floats mul(Floats a, Floats b) { return vmulq_f32(a, b); }
inline Floats div(Floats a, Floats b) { return vdivq_f32(a, b); }
inline Floats fma(Floats a, Floats b, Floats c) { return vfmaq_f32(c, a, b); }
inline Floats min(Floats a, Floats b) { return vminq_f32(a, b); }
inline Floats max(Floats a, Floats b) { return vmaxq_f32(a, b); }
inline Floats abs(Floats x) { return vabsq_f32(x); }
inline Floats round(Floats x) { return vrndnq_f32(x); }
inline Floats times_power_of_two(Floats x, Floats n) {
  const int32x4_t exponent = vshlq_n_s32(vaddq_s32(vcvtq_s32_f32(n), vdupq_n_s32(127)), 23);
  return vmulq_f32(x, vreinterpretq_f32_s32(exponent));
}
inline float sum(Floats x) { return vaddvq_f32(x); }
inline float largest(Floats x) { return vmaxvq_f32(x); }

inline void keep_in_register(Ints& x) { asm volatile("" : "+w"(x)); }
inline void keep_in_register(Floats& x) { asm volatile("" : "+w"(x)); }

inline Ints load(const std::int32_t* p) { return vld1q_s32(p); }
inline void store(std::int32_t* p, Ints x) { vst1q_s32(p, x); }
inline Ints to_ints(Floats x) { return vcvtnq_s32_f32(x); }
inline Floats to_floats(Ints x) { return vcvtq_f32_s32(x); }

inline Ints load_weights(const std::int8_t* p) { return vreinterpretq_s32_s8(vld1q_s8(p)); }
inline Ints broadcast_codes(const Code* p) {
  std::int32_t step;
  __builtin_memcpy(&step, p, sizeof step);
  return vdupq_n_s32(step);
}
inline Ints dot(Ints sums, Ints codes, Ints weights) {
  return vdotq_s32(sums, vreinterpretq_s8_s32(codes), vreinterpretq_s8_s32(weights));
}

// 16 whole numbers to bytes, in order; those beyond 127 become 127.
inline void store_bytes(std::int8_t* p, Ints a, Ints b, Ints c, Ints d) {
  const int16x8_t low = vcombine_s16(vqmovn_s32(a), vqmovn_s32(b)), high = vcombine_s16(vqmovn_s32(c), vqmovn_s32(d));
  vst1q_s8(p, vcombine_s8(vqmovn_s16(low), vqmovn_s16(high)));
}
// The four values of each lane side by side.
inline void store_interleaved(std::int8_t* p, const Ints (&values)[depth]) {
  const int32x4_t low = vdupq_n_s32(0xff);
  const int32x4_t first = vorrq_s32(vandq_s32(values[0], low), vshlq_n_s32(vandq_s32(values[1], low), 8));
  const int32x4_t last = vorrq_s32(vshlq_n_s32(vandq_s32(values[2], low), 16), vshlq_n_s32(values[3], 24));
  vst1q_s8(p, vreinterpretq_s8_s32(vorrq_s32(first, last)));
}
inline void store_codes(Code* p, Ints a, Ints b, Ints c, Ints d) { store_bytes(p, a, b, c, d); }
inline void store_probabilities(Code* p, Ints a, Ints b, Ints c, Ints d) { store_bytes(p, a, b, c, d); }

}  // namespace squeezebert::SQUEEZEBERT_ISA
