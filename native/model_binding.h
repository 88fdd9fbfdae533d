// Puts `Model` and what belongs to it into the Python module.
#pragma once

#include <nanobind/nanobind.h>

void bind_model(nanobind::module_& module);
