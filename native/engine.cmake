# The engine without Python: its sources, and kernels.cpp compiled once for each instruction set of the target
# processor. Gives the library squeezebert_engine.

get_filename_component(native "${CMAKE_CURRENT_LIST_DIR}" ABSOLUTE)

find_package(Threads REQUIRED)
include(CheckCXXCompilerFlag)

add_library(squeezebert_engine STATIC
  ${native}/quantize.cpp
  ${native}/engine/arrays.cpp
  ${native}/engine/attention.cpp
  ${native}/engine/batch.cpp
  ${native}/engine/dispatch.cpp
  ${native}/engine/encoder.cpp
  ${native}/engine/heads.cpp
  ${native}/engine/linear.cpp
  ${native}/engine/model.cpp
  ${native}/engine/pool.cpp
)
target_include_directories(squeezebert_engine PUBLIC ${native})
target_compile_options(squeezebert_engine PRIVATE -O3 -Wall -Wextra)
# What has no loops over channels is as fast compiled for size, and 40 kB less.
set_source_files_properties(
  ${native}/engine/arrays.cpp
  ${native}/engine/attention.cpp
  ${native}/engine/batch.cpp
  ${native}/engine/dispatch.cpp
  ${native}/engine/encoder.cpp
  ${native}/engine/heads.cpp
  ${native}/engine/linear.cpp
  ${native}/engine/model.cpp
  ${native}/engine/pool.cpp
  PROPERTIES COMPILE_OPTIONS -Os
)
target_link_libraries(squeezebert_engine PUBLIC Threads::Threads)

# A product and a sum are fused where the source says so and nowhere else: else two tiles of different size
# could round differently, and a text's result would depend on its neighbours. Kernels throw nothing, and tables for
# exceptions to pass through them are 27 kB.
set(kernel_options -O3 -ffp-contract=off -fno-math-errno -fno-trapping-math -fno-exceptions
  -fno-asynchronous-unwind-tables -Wall -Wextra)
# GCC makes loops of their own of first and last turns and of each answer to a question, and copies of functions for
# constant arguments: 60 kB, and no faster.
foreach(flag split-loops unswitch-loops ipa-cp)
  check_cxx_compiler_flag(-fno-${flag} has_no_${flag})
  if(has_no_${flag})
    list(APPEND kernel_options -fno-${flag})
  endif()
endforeach()

# The kernels for one instruction set, whose primitives are in `header`.
function(add_kernels_to target isa header)
  add_library(kernels_${isa} OBJECT ${native}/kernels/kernels.cpp)
  target_compile_definitions(kernels_${isa} PRIVATE
    SQUEEZEBERT_ISA=${isa} "SQUEEZEBERT_ISA_HEADER=\"../${header}\"")
  target_compile_options(kernels_${isa} PRIVATE ${kernel_options} ${ARGN})
  target_sources(${target} PRIVATE $<TARGET_OBJECTS:kernels_${isa}>)
endfunction()

function(add_kernels isa)
  add_kernels_to(squeezebert_engine ${isa} isa/${isa}.h ${ARGN})
endfunction()

# The other sets are what nearly every processor runs; at -O3 this one is as fast and 13 kB more.
add_kernels(portable -O2)
if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64|amd64")
  add_kernels(avx2 -mavx2 -mfma)
  # GCC 12 warns of its own intrinsics (bug 105593).
  set(avx512 -mavx512f -mavx512bw -mavx512vl -mavx512dq -mavx512vnni -mprefer-vector-width=512
    -Wno-uninitialized -Wno-maybe-uninitialized)
  add_kernels(avx512vnni ${avx512})
  # On float32 these two have the functions of the sets above, 39 kB less; see dispatch.cpp.
  check_cxx_compiler_flag(-mamx-int8 has_amx)  # GCC 11, Clang 12
  if(has_amx AND CMAKE_SYSTEM_NAME STREQUAL "Linux")
    add_kernels(amx ${avx512} -mamx-tile -mamx-int8 -DSQUEEZEBERT_NO_FLOATS)
    target_compile_definitions(squeezebert_engine PRIVATE SQUEEZEBERT_HAS_AMX)
  endif()
  check_cxx_compiler_flag(-mavxvnni has_avxvnni)  # GCC 11, Clang 12
  if(has_avxvnni)
    add_kernels(avxvnni -mavx2 -mfma -mavxvnni -DSQUEEZEBERT_NO_FLOATS)
    target_compile_definitions(squeezebert_engine PRIVATE SQUEEZEBERT_HAS_AVXVNNI)
  endif()
elseif(EMSCRIPTEN)
  add_kernels(wasm -msimd128)
elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "aarch64|arm64|ARM64")
  # GCC would load all codes of a step first, and call memcpy for parts of vectors: both spill accumulators.
  add_kernels(neon -march=armv8.2-a+dotprod
    $<$<CXX_COMPILER_ID:GNU>:-fno-schedule-insns> $<$<CXX_COMPILER_ID:GNU>:-fno-tree-loop-distribute-patterns>)
endif()
