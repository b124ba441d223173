/*
 * alloc/failing.h - an allocator that fails when told to, and counts.
 *
 * The test is linked with --wrap=malloc and so on (see meson.build), so that
 * every call of starling comes here first. Libraries that starling uses keep
 * theirs: jansson, which reads schemas, leaves letters out of a text where its
 * memory runs short, and does not tell. Arming and disarming is for one thread,
 * while no other runs.
 */
#ifndef SL_TESTS_FAILING_H
#define SL_TESTS_FAILING_H

#include <stdbool.h>
#include <stddef.h>

/* The n-th allocation from now on (the first is 0) fails, and with `onwards` all behind it too. */
void failing_arm(size_t n, bool onwards);
/* Every allocation is well again. True if one has failed since it was armed. */
bool failing_disarm(void);
/* Allocations asked for since the program began, failed ones included. */
size_t failing_calls(void);
/* Blocks that are allocated and not freed. */
long failing_live(void);
#endif
