#pragma once
/* A folder of files in place of one that the kernel makes: what a driver reads in sysfs. Everything asserts. */
#include <glib.h>

char *folder_new(void); /* a new one, empty; the caller frees the name */
/* A file with this text, in place of what was there; NULL: none. */
void folder_put(const char *folder, const char *file, const char *text);
void folder_remove(const char *folder); /* with all that is in it */
