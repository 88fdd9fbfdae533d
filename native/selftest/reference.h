// What the engine computes, written plainly in double precision.
#pragma once

#include <vector>

#include "kernels/table.h"

namespace squeezebert::selftest {

using Doubles = std::vector<double>;

double activation(Activation kind, double x);

// x [columns] := norm(x) * weight + bias.
void layer_norm(double* x, int columns, const float* weight, const float* bias, double epsilon);

// Softmax of q K^T / sqrt(head size), times V: one query [head size] against keys and values [keys, stride].
// `total` is the sum of the exponentials, the largest of which is 1.
Doubles attend(const double* query, const double* keys, const double* values, int count, std::size_t stride,
               int head_size, double& total);

}  // namespace squeezebert::selftest
