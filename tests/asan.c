/*
 * Linked into every program that AddressSanitizer watches.
 */
#include <sanitizer/lsan_interface.h>

/* What libraries allocate in their constructors stays for the life of the process, and some of it is left behind on
 * purpose: GLib's first table of quarks, when it grows. This function comes before the libraries' constructors, the
 * other one after them. */
static void before_libraries(int argc, char **argv, char **envp)
{
        (void)argc;
        (void)argv;
        (void)envp;
        __lsan_disable();
}
__attribute__((section(".preinit_array"), used)) static void (*const preinit)(int, char **,
                                                                              char **) = before_libraries;

__attribute__((constructor(101))) static void after_libraries(void)
{
        __lsan_enable();
}

/* Memory that libraries keep for the life of the process; nothing of ours may stand here. In the program and not in a
 * file: one that locked itself in can read no file. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
        return "leak:libfontconfig\n"; /* its caches */
}
