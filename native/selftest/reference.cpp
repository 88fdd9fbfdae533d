#include "reference.h"

#include <algorithm>
#include <cmath>

namespace squeezebert::selftest {

double activation(Activation kind, double x) {
  switch (kind) {
    case Activation::gelu: return 0.5 * x * (1.0 + std::erf(x / std::sqrt(2.0)));
    case Activation::gelu_new: return 0.5 * x * (1.0 + std::tanh(0.7978845608028654 * (x + 0.044715 * x * x * x)));
    case Activation::relu: return std::max(x, 0.0);
  }
  return std::nan("");
}

void layer_norm(double* x, int columns, const float* weight, const float* bias, double epsilon) {
  double mean = 0.0, variance = 0.0;
  for (int c = 0; c < columns; ++c) mean += x[c] / columns;
  for (int c = 0; c < columns; ++c) variance += (x[c] - mean) * (x[c] - mean) / columns;
  for (int c = 0; c < columns; ++c) x[c] = (x[c] - mean) / std::sqrt(variance + epsilon) * weight[c] + bias[c];
}

Doubles attend(const double* query, const double* keys, const double* values, int count, std::size_t stride,
               int head_size, double& total) {
  Doubles scores(count), out(head_size);
  for (int k = 0; k < count; ++k) {
    for (int i = 0; i < head_size; ++i) scores[k] += query[i] * keys[k * stride + i] / std::sqrt(head_size);
  }
  const double most = *std::max_element(scores.begin(), scores.end());
  total = 0.0;
  for (int k = 0; k < count; ++k) {
    const double share = std::exp(scores[k] - most);
    total += share;
    for (int i = 0; i < head_size; ++i) out[i] += share * values[k * stride + i];
  }
  for (double& value : out) value /= total;
  return out;
}

}  // namespace squeezebert::selftest
