#include <cstring>

#include "tests.h"

namespace squeezebert::selftest {

namespace {

// Activations of one layer: some rows are zero or tiny, and rows differ in size, as a scale for each is meant for.
struct Activations {
  int rows, columns;
  std::size_t stride;
  std::vector<float> values;

  const float* row(int r) const { return values.data() + r * stride; }
};

Activations random_activations(Random& random, int columns) {
  Activations x{random.size(1, 68), columns, 0, {}};
  x.stride = columns + random.pick<int>({0, 0, 1, 3, 16});
  x.values = unset_floats(extent(x.rows, x.stride, columns));
  for (int r = 0; r < x.rows; ++r) {
    const float size = random.one_in(8) ? random.pick<float>({0.0f, 1e-38f, 1e-30f}) : std::exp(random.normal());
    for (int c = 0; c < columns; ++c) x.values[r * x.stride + c] = size * random.normal();
  }
  return x;
}

// What `quantize` made of rows of activations.
struct Coded {
  std::size_t stride;
  std::vector<std::uint8_t> bytes;
  std::vector<float> scales;
};

Coded quantize(const Kernels& kernels, const Activations& x, std::size_t stride) {
  const int padded = round_up_to(x.columns, 4 * kernels.lanes);
  Coded coded{stride, std::vector<std::uint8_t>(extent(x.rows, stride, padded) * kernels.code_bytes, 0xa5),
              unset_floats(x.rows)};
  kernels.quantize(x.values.data(), x.stride, x.rows, x.columns, coded.bytes.data(), stride, coded.scales.data());
  return coded;
}

Coded quantize(Random& random, const Kernels& kernels, const Activations& x) {
  return quantize(kernels, x, round_up_to(x.columns, 4 * kernels.lanes) + random.pick<int>({0, 0, 64}));
}

// Codes are 16 bits wide, or 8 with an offset that a row of zeros shows.
int code_at(const Kernels& kernels, const Coded& coded, std::size_t index) {
  if (kernels.code_bytes == 2) {
    std::int16_t code;
    std::memcpy(&code, coded.bytes.data() + 2 * index, sizeof code);
    return code;
  }
  const Activations nothing{1, 1, 1, {0.0f}};
  const std::uint8_t zero = quantize(kernels, nothing, 4 * kernels.lanes).bytes[0];
  return static_cast<std::int8_t>(static_cast<std::uint8_t>(coded.bytes[index] - zero));
}

}  // namespace

// Every code is within half a step of its value; what pads a row is zero.
void test_quantize(Random& random, const Kernels& kernels) {
  const Activations x = random_activations(random, random.size(1, 800));
  const Coded coded = quantize(random, kernels, x);
  const std::string shape = describe("rows, columns", x.rows, x.columns);
  for (int r = 0; r < x.rows; ++r) {
    double most = 0.0;
    for (int c = 0; c < x.columns; ++c) most = std::max<double>(most, std::fabs(x.row(r)[c]));
    const double scale = most < 1e-35 ? 0.0 : most / 127.0;
    require_close(coded.scales[r], scale, 1e-6 * scale, shape + ", scale");
    for (int c = 0; c < round_up_to(x.columns, 4 * kernels.lanes); ++c) {
      const int code = code_at(kernels, coded, r * coded.stride + c);
      require(code >= -127 && code <= 127, shape + ", code beyond 127");
      const double exact = c < x.columns && scale > 0.0 ? x.row(r)[c] / scale : 0.0;
      require_close(code, exact, c < x.columns ? 0.5001 : 0.0, shape + ", code");
    }
  }
}

void test_linear_int8(Random& random, const Kernels& kernels) {
  const int inputs = random.size(1, 400), outputs = random.size(1, 300);
  const Activations x = random_activations(random, inputs);
  const Coded coded = quantize(random, kernels, x);
  const int padded = round_up_to(outputs, kernels.lanes);
  std::vector<std::int8_t> codes(outputs * inputs);
  for (auto& code : codes) code = static_cast<std::int8_t>(random.between(-127, 127));
  std::vector<std::int8_t> panels(static_cast<std::size_t>(padded) * round_up_to(inputs, kernels.depth), 0x5a);
  std::vector<std::int32_t> starts(padded, 0x5a5a);
  kernels.pack_int8(codes.data(), outputs, inputs, panels.data(), starts.data());
  std::vector<float> scales = normal_floats(random, padded), bias = normal_floats(random, padded);
  const std::size_t stride = padded + random.pick<int>({0, 0, 5});
  std::vector<float> out = unset_floats(extent(x.rows, stride, padded));
  kernels.linear_int8({panels.data(), scales.data(), bias.data(), starts.data(), inputs, outputs}, coded.bytes.data(),
                      coded.stride, coded.scales.data(), x.rows, out.data(), stride);
  const std::string shape = describe("rows, inputs, outputs", x.rows, inputs, outputs);
  std::vector<int> row(inputs);
  for (int r = 0; r < x.rows; ++r) {
    for (int i = 0; i < inputs; ++i) row[i] = code_at(kernels, coded, r * coded.stride + i);
    for (int o = 0; o < outputs; ++o) {
      std::int64_t sum = 0;
      for (int i = 0; i < inputs; ++i) sum += row[i] * codes[o * inputs + i];
      const double product = static_cast<double>(sum) * coded.scales[r] * scales[o];
      require_close(out[r * stride + o], product + bias[o], 1e-6 * (std::fabs(product) + std::fabs(bias[o])), shape);
    }
  }
}

void test_linear_fp32(Random& random, const Kernels& kernels) {
  const int inputs = random.size(1, 400), outputs = random.size(1, 300);
  const Activations x = random_activations(random, inputs);
  const int padded = round_up_to(outputs, kernels.lanes);
  const std::size_t weight_stride = inputs + random.pick<int>({0, 0, 7});
  const std::vector<float> weights = normal_floats(random, extent(outputs, weight_stride, inputs));
  std::vector<float> panels = unset_floats(static_cast<std::size_t>(padded) * inputs);
  kernels.pack_fp32(weights.data(), weight_stride, outputs, inputs, panels.data());
  const std::vector<float> bias = normal_floats(random, padded);
  const std::size_t stride = padded + random.pick<int>({0, 0, 5});
  std::vector<float> out = unset_floats(extent(x.rows, stride, padded));
  kernels.linear_fp32({panels.data(), bias.data(), inputs, outputs}, x.values.data(), x.stride, x.rows, out.data(),
                      stride);
  for (int r = 0; r < x.rows; ++r) {
    for (int o = 0; o < outputs; ++o) {
      double sum = bias[o], magnitude = std::fabs(bias[o]);
      for (int i = 0; i < inputs; ++i) {
        const double product = static_cast<double>(x.row(r)[i]) * weights[o * weight_stride + i];
        sum += product;
        magnitude += std::fabs(product);
      }
      require_close(out[r * stride + o], sum, 3e-6 * magnitude,
                    describe("rows, inputs, outputs", x.rows, inputs, outputs));
    }
  }
}

}  // namespace squeezebert::selftest
