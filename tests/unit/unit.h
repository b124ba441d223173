/* tests/unit/unit.h - cmocka, and what every unit test needs beside it. */
#ifndef SL_TESTS_UNIT_H
#define SL_TESTS_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "starling/base.h"

/* A call that must succeed; prints the error's story where it does not. */
#define assert_ok(call, err)                                                                         \
    do {                                                                                             \
        const sl_status assert_ok_ = (call);                                                         \
        if (assert_ok_ != SL_OK) {                                                                   \
            print_error("%s: %s (%s:%d)\n", sl_status_name(assert_ok_), (err)->message, (err)->file, \
                        (err)->line);                                                                \
        }                                                                                            \
        assert_int_equal(assert_ok_, SL_OK);                                                         \
    } while (0)

#endif
