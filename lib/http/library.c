#include "lib/http/library.h"

#include <dlfcn.h>
#include <string.h>

#include <microhttpd.h>

#include "lib/http/private.h"

static const char *pretended; /* NULL: none */

static const char *version(void)
{
        return pretended ? pretended : MHD_get_version();
}

bool tb_library_is_proven(void)
{
        return strcmp(version(), TB_LIBRARY_PROVEN) == 0;
}

void tb_library_pretend(const char *as)
{
        pretended = as;
}

/* The library calls what the dynamic linker finds first: with static linking or -Bsymbolic that is its own. */
static bool is_interposed(void)
{
        return dlsym(RTLD_DEFAULT, "MHD_queue_response") != dlsym(RTLD_NEXT, "MHD_queue_response");
}

char *tb_library_problem(void)
{
        if (!tb_library_is_proven())
                return g_strdup_printf(
                        "libmicrohttpd %s runs, " TB_LIBRARY_PROVEN
                        " is what this was proven with: what it refuses "
                        "by itself is answered by its own pages, and NULs in heads are not looked for",
                        version());
        if (!is_interposed())
                return g_strdup(
                        "libmicrohttpd is linked so that its own pages answer what it refuses by itself");
        return NULL;
}
