#pragma once
/*
 * A count of references, for what several threads hold. Inline, not GLib's functions: ThreadSanitizer does not see inside a
 * library that was built without it, and would report everything that a count of GLib's orders as a race.
 */
#include <stdbool.h>

typedef int TbRefCount; /* touched by these functions alone; any thread */

static inline void tb_ref_init(TbRefCount *count)
{
        __atomic_store_n(count, 1, __ATOMIC_RELAXED);
}

static inline void tb_ref_inc(TbRefCount *count)
{
        __atomic_add_fetch(count, 1, __ATOMIC_RELAXED);
}

/* True: that was the last one, and everything the others did before is visible. */
static inline bool tb_ref_dec(TbRefCount *count)
{
        return __atomic_sub_fetch(count, 1, __ATOMIC_ACQ_REL) == 0;
}
