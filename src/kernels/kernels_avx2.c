/* AVX2 and FMA: 8 lanes, 16 registers. */
#if defined(__x86_64__)
#include <immintrin.h>
#include <stdbool.h>

#include "kernels/isa.h"

SL_ISA_BEGIN("avx2,fma")

typedef __m256 vf;
typedef unsigned vu __attribute__((vector_size(32)));
typedef unsigned vu_any __attribute__((vector_size(32), may_alias));
typedef int vi __attribute__((vector_size(32)));
typedef short vh __attribute__((vector_size(32)));

typedef __m256d vd;
typedef long long vl __attribute__((vector_size(32)));

enum { VL = 8, DL = 4, GP_SUM_ROWS = 2 };

SL_INLINE vf vset(float x) { return _mm256_set1_ps(x); }
SL_INLINE vf vfma(vf a, vf b, vf c) { return _mm256_fmadd_ps(a, b, c); }
SL_INLINE vf vmax(vf a, vf b) { return _mm256_max_ps(a, b); }
SL_INLINE vf vmin(vf a, vf b) { return _mm256_min_ps(a, b); }
SL_INLINE vf vsqrt(vf a) { return _mm256_sqrt_ps(a); }
SL_INLINE vu vwhole(vf a) { return (vu)_mm256_cvtps_epi32(a); }
SL_INLINE vu vcut(vf a) { return (vu)_mm256_cvttps_epi32(a); }
SL_INLINE vf vfloat(vu a) { return _mm256_cvtepi32_ps((__m256i)a); }
SL_INLINE vu vmadd(vu a, vu b) { return (vu)_mm256_madd_epi16((__m256i)a, (__m256i)b); }
/* op over all lanes: halves, then pairs. */
#define FOLD(a, op)                                                                       \
    __m128 half = op(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));             \
    half = op(half, _mm_movehl_ps(half, half));                                           \
    return _mm_cvtss_f32(op(half, _mm_movehdup_ps(half)))
SL_INLINE float vleast(vf a) { FOLD(a, _mm_min_ps); }
SL_INLINE float vmost(vf a) { FOLD(a, _mm_max_ps); }
SL_INLINE float vsum(vf a) { FOLD(a, _mm_add_ps); }
SL_INLINE bool vany_not_below(vf a, vf b) { return _mm256_movemask_ps(_mm256_cmp_ps(a, b, _CMP_NLT_UQ)) != 0; }
SL_INLINE vf vkeep_not_below(vf x, vf a, vf b) { return _mm256_and_ps(x, _mm256_cmp_ps(a, b, _CMP_NLT_UQ)); }

SL_INLINE vd dset(double x) { return _mm256_set1_pd(x); }
SL_INLINE vd dfma(vd a, vd b, vd c) { return _mm256_fmadd_pd(a, b, c); }
SL_INLINE vd dfnma(vd a, vd b, vd c) { return _mm256_fnmadd_pd(a, b, c); }
SL_INLINE vd dmin(vd a, vd b) { return _mm256_min_pd(a, b); }
SL_INLINE vd dsqrt(vd a) { return _mm256_sqrt_pd(a); }

SL_INLINE void vcross(vf *x)
{
    vf y[VL];
    SL_UNROLL for (int i = 0; i < VL; i += 2) {
        y[i] = _mm256_unpacklo_ps(x[i], x[i + 1]);
        y[i + 1] = _mm256_unpackhi_ps(x[i], x[i + 1]);
    }
    SL_UNROLL for (int i = 0; i < VL; i += 4) {
        SL_UNROLL for (int j = 0; j < 2; j++) {
            const vd a = (vd)y[i + j], b = (vd)y[i + j + 2];
            x[i + 2 * j] = (vf)_mm256_unpacklo_pd(a, b);
            x[i + 2 * j + 1] = (vf)_mm256_unpackhi_pd(a, b);
        }
    }
    SL_UNROLL for (int j = 0; j < 4; j++) {
        const vf a = x[j], b = x[j + 4];
        x[j] = _mm256_permute2f128_ps(a, b, 0x20);
        x[j + 4] = _mm256_permute2f128_ps(a, b, 0x31);
    }
}

#define BACK_SUMS 8
#define GEMM_VECTORS 2
#define GEMM_ROWS_2 6
#define TABLE sl_kernels_avx2
#define NAME "avx2"
#include "kernels/gp_vec_tmpl.h"
#include "kernels/gp_lanes_tmpl.h"
#include "kernels/gp_whole_tmpl.h"
#include "kernels/gp_mean_tmpl.h"
#include "kernels/gp_variance_tmpl.h"
#include "kernels/kernels_tmpl.h"

SL_ISA_END
#else
typedef int sl_not_x86; /* C wants something in a file */
#endif
