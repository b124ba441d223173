/* model/runner.h - what the profile needs of the runner. */
#ifndef SL_MODEL_RUNNER_H
#define SL_MODEL_RUNNER_H

#include "kernels/kernels.h"
#include "starling/model.h"

/* Run on other kernels from now on; returns those so far. */
const sl_kernels *sl_runner_swap_kernels(sl_runner *runner, const sl_kernels *kernels);

#endif
