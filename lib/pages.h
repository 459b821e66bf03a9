#pragma once
#include <stdbool.h>
/* Where the pages are when the configuration does not say: beside a program that runs in its source tree, or
 * <prefix>/share/testbed/web of an installed one. */
char *tb_pages_dir(void); /* the caller frees */
/* Of a source tree: build/pages, what `make` made of web/ (mk/pages.mjs), unless something in web/ is younger: then web/ as
 * it lies there. The caller frees. */
char *tb_pages_of_tree(const char *root);
