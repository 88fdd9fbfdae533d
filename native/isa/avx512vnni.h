// AVX-512 with VNNI.
#pragma once

#include "avx512.h"

namespace squeezebert::SQUEEZEBERT_ISA {

// vpdpbusd multiplies unsigned by signed bytes, so activations are stored with an offset.
using Code = std::uint8_t;
constexpr int code_offset = 128;

inline void store_codes(Code* p, Ints a, Ints b, Ints c, Ints d) {
  _mm512_storeu_si512(p, _mm512_xor_si512(to_bytes(a, b, c, d), _mm512_set1_epi8(-128)));
}

}  // namespace squeezebert::SQUEEZEBERT_ISA
