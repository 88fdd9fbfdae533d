// The Python face of the native code: checks shapes, releases the GIL, calls the kernels.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/pair.h>

#include <cmath>
#include <memory>
#include <stdexcept>

#include "model_binding.h"
#include "quantize.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace {

template <typename T>
using Matrix = nb::ndarray<const T, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
template <typename T>
using Vector = nb::ndarray<const T, nb::ndim<1>, nb::c_contig, nb::device::cpu>;

// An owned numpy array over a fresh buffer, and the buffer to fill.
template <typename T, typename... Sizes>
std::pair<nb::ndarray<nb::numpy, T>, T*> make_array(Sizes... sizes) {
  const std::size_t count = (static_cast<std::size_t>(1) * ... * sizes);
  std::unique_ptr<T[]> buffer(new T[count]);
  T* data = buffer.get();
  nb::capsule owner(data, [](void* pointer) noexcept { delete[] static_cast<T*>(pointer); });
  buffer.release();
  return {nb::ndarray<nb::numpy, T>(data, {static_cast<std::size_t>(sizes)...}, owner), data};
}

auto quantize_rows(Matrix<float> values) {
  const std::size_t rows = values.shape(0), columns = values.shape(1);
  auto [codes, codes_data] = make_array<std::int8_t>(rows, columns);
  auto [scales, scales_data] = make_array<float>(rows);
  bool finite = true;
  {
    nb::gil_scoped_release release;
    for (std::size_t i = 0; i < rows * columns; ++i) finite &= std::isfinite(values.data()[i]);
    if (finite) squeezebert::quantize_rows(values.data(), rows, columns, codes_data, scales_data);
  }
  if (!finite) throw std::invalid_argument("values hold NaN or infinity, which int8 cannot represent");
  return std::make_pair(codes, scales);
}

auto dequantize_rows(Matrix<std::int8_t> codes, Vector<float> scales) {
  const std::size_t rows = codes.shape(0), columns = codes.shape(1);
  if (scales.shape(0) != rows) throw std::invalid_argument("codes and scales differ in their number of rows");
  auto [values, data] = make_array<float>(rows, columns);
  {
    nb::gil_scoped_release release;
    squeezebert::dequantize_rows(codes.data(), scales.data(), rows, columns, data);
  }
  return values;
}

}  // namespace

NB_MODULE(_native, module) {
  module.doc() = "Compiled kernels of squeezebert.";
  module.def("quantize_rows", &quantize_rows, "values"_a,
             "float32 [rows, columns] -> int8 codes [rows, columns] and float32 scales [rows].\n\n"
             "Raises ValueError where a value is NaN or infinite.");
  module.def("dequantize_rows", &dequantize_rows, "codes"_a, "scales"_a,
             "int8 codes [rows, columns] and float32 scales [rows] -> float32 [rows, columns].\n\n"
             "Raises ValueError where the numbers of rows differ.");
  bind_model(module);
}
