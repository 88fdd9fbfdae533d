// All tests. Each draws a shape and inputs, runs one instruction set, and throws Failure where a result is wrong.
#pragma once

#include <vector>

#include "testing.h"

namespace squeezebert::selftest {

struct Test {
  const char* name;
  void (*run)(Random& random, const Kernels& kernels);
};

void test_quantize(Random& random, const Kernels& kernels);
void test_linear_int8(Random& random, const Kernels& kernels);
void test_linear_fp32(Random& random, const Kernels& kernels);
void test_unpacked_int8(Random& random, const Kernels& kernels);
void test_unpacked_fp32(Random& random, const Kernels& kernels);
void test_activate(Random& random, const Kernels& kernels);
void test_activate_and_quantize(Random& random, const Kernels& kernels);
void test_norm(Random& random, const Kernels& kernels);
void test_attention_int8(Random& random, const Kernels& kernels);
void test_attention_fp32(Random& random, const Kernels& kernels);
void test_model_fp32(Random& random, const Kernels& kernels);
void test_model_int8(Random& random, const Kernels& kernels);
void test_text_alone_or_in_a_batch(Random& random, const Kernels& kernels);
void test_calls_side_by_side(Random& random, const Kernels& kernels);
void test_refusals(Random& random, const Kernels& kernels);
void test_pool(Random& random, const Kernels& kernels);
void test_divide(Random& random, const Kernels& kernels);
void test_balance(Random& random, const Kernels& kernels);
void test_shares(Random& random, const Kernels& kernels);
void test_needed_rows(Random& random, const Kernels& kernels);

inline const std::vector<Test>& all_tests() {
  static const std::vector<Test> tests = {
      {"quantize", &test_quantize},
      {"linear_int8", &test_linear_int8},
      {"linear_fp32", &test_linear_fp32},
      {"unpacked_int8", &test_unpacked_int8},
      {"unpacked_fp32", &test_unpacked_fp32},
      {"activate", &test_activate},
      {"activate_and_quantize", &test_activate_and_quantize},
      {"norm", &test_norm},
      {"attention_int8", &test_attention_int8},
      {"attention_fp32", &test_attention_fp32},
      {"model_fp32", &test_model_fp32},
      {"model_int8", &test_model_int8},
      {"text_alone_or_in_a_batch", &test_text_alone_or_in_a_batch},
      {"calls_side_by_side", &test_calls_side_by_side},
      {"refusals", &test_refusals},
      {"pool", &test_pool},
      {"divide", &test_divide},
      {"balance", &test_balance},
      {"shares", &test_shares},
      {"needed_rows", &test_needed_rows},
  };
  return tests;
}

}  // namespace squeezebert::selftest
