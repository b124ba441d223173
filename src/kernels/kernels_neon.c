/* NEON, which every 64-bit ARM has: 4 lanes, 32 registers. */
#if defined(__aarch64__)
#include <arm_neon.h>
#include <stdbool.h>

#include "kernels/isa.h"

typedef float32x4_t vf;
typedef uint32x4_t vu;
typedef unsigned vu_any __attribute__((vector_size(16), may_alias));
typedef short vh __attribute__((vector_size(16)));

typedef float64x2_t vd;
typedef long long vl __attribute__((vector_size(16)));

enum { VL = 4, DL = 2, GP_SUM_ROWS = 2 };

SL_INLINE vf vset(float x) { return vdupq_n_f32(x); }
SL_INLINE vf vfma(vf a, vf b, vf c) { return vfmaq_f32(c, a, b); }
SL_INLINE vf vmax(vf a, vf b) { return vbslq_f32(vcgtq_f32(a, b), a, b); }
SL_INLINE vf vmin(vf a, vf b) { return vbslq_f32(vcltq_f32(a, b), a, b); }
SL_INLINE vf vsqrt(vf a) { return vsqrtq_f32(a); }
SL_INLINE vu vwhole(vf a) { return vreinterpretq_u32_s32(vcvtnq_s32_f32(a)); }
SL_INLINE vu vcut(vf a) { return vreinterpretq_u32_s32(vcvtq_s32_f32(a)); }
SL_INLINE vf vfloat(vu a) { return vcvtq_f32_s32(vreinterpretq_s32_u32(a)); }
SL_INLINE vu vmadd(vu a, vu b)
{
    const int16x8_t x = vreinterpretq_s16_u32(a), y = vreinterpretq_s16_u32(b);
    return vreinterpretq_u32_s32(vpaddq_s32(vmull_s16(vget_low_s16(x), vget_low_s16(y)), vmull_high_s16(x, y)));
}
SL_INLINE float vleast(vf a) { return vminvq_f32(a); }
SL_INLINE float vmost(vf a) { return vmaxvq_f32(a); }
SL_INLINE float vsum(vf a) { return vaddvq_f32(a); }
SL_INLINE bool vany_not_below(vf a, vf b) { return vminvq_u32(vcltq_f32(a, b)) == 0; }
SL_INLINE vf vkeep_not_below(vf x, vf a, vf b)
{
    return vreinterpretq_f32_u32(vbicq_u32(vreinterpretq_u32_f32(x), vcltq_f32(a, b)));
}

SL_INLINE vd dset(double x) { return vdupq_n_f64(x); }
SL_INLINE vd dfma(vd a, vd b, vd c) { return vfmaq_f64(c, a, b); }
SL_INLINE vd dfnma(vd a, vd b, vd c) { return vfmsq_f64(c, a, b); }
SL_INLINE vd dmin(vd a, vd b) { return vbslq_f64(vcltq_f64(a, b), a, b); }
SL_INLINE vd dsqrt(vd a) { return vsqrtq_f64(a); }

SL_INLINE void vcross(vf *x)
{
    const vd a = (vd)vtrn1q_f32(x[0], x[1]), b = (vd)vtrn2q_f32(x[0], x[1]);
    const vd c = (vd)vtrn1q_f32(x[2], x[3]), d = (vd)vtrn2q_f32(x[2], x[3]);
    x[0] = (vf)vtrn1q_f64(a, c);
    x[1] = (vf)vtrn1q_f64(b, d);
    x[2] = (vf)vtrn2q_f64(a, c);
    x[3] = (vf)vtrn2q_f64(b, d);
}

#define BACK_SUMS 16
#define GEMM_VECTORS 4
#define GEMM_ROWS_2 8
#define TABLE sl_kernels_neon
#define NAME "neon"
#include "kernels/gp_vec_tmpl.h"
#include "kernels/gp_lanes_tmpl.h"
#include "kernels/gp_whole_tmpl.h"
#include "kernels/gp_mean_tmpl.h"
#include "kernels/gp_variance_tmpl.h"
#include "kernels/kernels_tmpl.h"

#else
typedef int sl_not_arm; /* C wants something in a file */
#endif
