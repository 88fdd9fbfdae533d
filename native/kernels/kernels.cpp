// All kernels for one instruction set. Compiled once per set, with SQUEEZEBERT_ISA naming it and
// SQUEEZEBERT_ISA_HEADER its primitives. Nothing here may use the standard library: its inline functions
// would be shared with code that runs on other processors.
//
// With SQUEEZEBERT_NO_FLOATS the functions on float32 are left out, for sets that have those of another one.
#include "table.h"

#include SQUEEZEBERT_ISA_HEADER

#include "tile.h"

#include "step_groups.h"

#if defined(SQUEEZEBERT_MULTIPLIES_MATRICES)
#include "matrix_tile.h"
#else
#include "vector_tile.h"
#endif

#include "elementwise.h"

#include "linear.h"

#include "unpacked.h"

#include "softmax.h"

#include "attention_inputs.h"

#include "attention.h"

#if defined(SQUEEZEBERT_NO_FLOATS)
#define SQUEEZEBERT_ON_FLOATS(function) nullptr
#else
#define SQUEEZEBERT_ON_FLOATS(function) &function
#endif

#define SQUEEZEBERT_TEXT_OF(x) #x
#define SQUEEZEBERT_TEXT(x) SQUEEZEBERT_TEXT_OF(x)

namespace squeezebert::SQUEEZEBERT_ISA {

extern const Kernels kernels;
const Kernels kernels = {
    SQUEEZEBERT_TEXT(SQUEEZEBERT_ISA),
    lanes,
    input_unit,
    static_cast<int>(sizeof(Code)),
    largest_code,
    tile_columns,
    block_rows,
    row_unit,
    &panel_bytes,
    &pack_int8,
    SQUEEZEBERT_ON_FLOATS(pack_fp32),
    &quantize,
    &linear_int8,
    SQUEEZEBERT_ON_FLOATS(linear_fp32),
    &unpacked_int8,
    SQUEEZEBERT_ON_FLOATS(unpacked_fp32),
    SQUEEZEBERT_ON_FLOATS(activate),
    &activate_and_quantize,
    SQUEEZEBERT_ON_FLOATS(norm),
    SQUEEZEBERT_ON_FLOATS(add_norm),
    &store_queries_int8,
    &store_keys_int8,
    &store_values_int8,
    SQUEEZEBERT_ON_FLOATS(store_keys_fp32),
    SQUEEZEBERT_ON_FLOATS(store_values_fp32),
    &attend_int8,
    SQUEEZEBERT_ON_FLOATS(attend_fp32),
    &run_dot_products,
};

}  // namespace squeezebert::SQUEEZEBERT_ISA
