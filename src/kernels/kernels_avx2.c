/* AVX2 and FMA: 8 lanes, 16 registers. */
#if defined(__x86_64__)
#include <immintrin.h>

#include "kernels/isa.h"

SL_ISA_BEGIN("avx2,fma")

typedef __m256 vf;
typedef unsigned vu __attribute__((vector_size(32)));

enum { VL = 8, GEMM_VECTORS = 2 };

SL_INLINE vf vset(float x) { return _mm256_set1_ps(x); }
SL_INLINE vf vfma(vf a, vf b, vf c) { return _mm256_fmadd_ps(a, b, c); }
SL_INLINE vf vmax(vf a, vf b) { return _mm256_max_ps(a, b); }
SL_INLINE vf vmin(vf a, vf b) { return _mm256_min_ps(a, b); }
SL_INLINE vf vsqrt(vf a) { return _mm256_sqrt_ps(a); }
SL_INLINE vf vround(vf a) { return _mm256_round_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }

#define TABLE sl_kernels_avx2
#define NAME "avx2"
#include "kernels/kernels_tmpl.h"

SL_ISA_END
#else
typedef int sl_not_x86; /* C wants something in a file */
#endif
