// Which instruction sets this build has and this processor can run.
#pragma once

#include <string>
#include <vector>

#include "../kernels/table.h"

namespace squeezebert {

// Best first; "portable" is always the last.
const std::vector<const Kernels*>& instruction_sets();

// The one of that name; for an empty name that of the environment variable SQUEEZEBERT_ISA, or the best.
// Throws std::invalid_argument for one that is unknown or cannot run here.
const Kernels& choose_kernels(const std::string& name);

}  // namespace squeezebert
