/* tests/alloc/fail_each.h - run something once for each of its allocations, with that one failing. */
#ifndef SL_TESTS_FAIL_EACH_H
#define SL_TESTS_FAIL_EACH_H

#include "../unit/unit.h"
#include "failing.h"

enum { ENOUGH = 200000 }; /* allocations of one attempt */

/* Run the attempt with its first, second, third... allocation failing, until none is left to fail. */
static inline void fail_each(sl_status (*attempt)(sl_error *err), bool onwards)
{
    sl_error err;
    assert_ok(attempt(&err), &err); /* what is taken once, at the first use, is none of its own */
    size_t n = 0;
    for (bool failed = true; failed; n++) {
        assert_true(n < ENOUGH);
        const long live = failing_live();
        err = (sl_error){0};
        failing_arm(n, onwards);
        const sl_status status = attempt(&err);
        failed = failing_disarm();
        if (status != SL_OK && (status != SL_ERR_NOMEM || !failed)) {
            fail_msg("allocation %zu of it failed: %s (%s)", n, sl_status_name(status), err.message);
        }
        if (status != SL_OK) assert_int_equal(err.status, SL_ERR_NOMEM);
        if (failing_live() != live) fail_msg("allocation %zu of it failed: %ld blocks lost", n, failing_live() - live);
    }
    assert_true(n > 1); /* it does allocate: otherwise this test tests nothing */
}

static inline void fail_each_both_ways(sl_status (*attempt)(sl_error *err))
{
    fail_each(attempt, false);
    fail_each(attempt, true);
}

#endif
