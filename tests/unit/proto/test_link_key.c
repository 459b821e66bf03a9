/* The key of a host: kept, private, and good for one name and one nonce. */
#include <glib/gstdio.h>
#include <string.h>

#include "lib/log.h"
#include "lib/proto/link_key.h"

static void test_key(void)
{
        g_autoptr(GError) error = NULL;
        g_autofree char *folder = g_dir_make_tmp("tb-key-XXXXXX", NULL),
                        *path = g_build_filename(folder, "key.pem", NULL);
        g_autoptr(TbLinkKey) key = tb_link_key_open(path, &error);
        g_autoptr(TbLinkKey) again = tb_link_key_open(path, &error);
        g_assert_no_error(error);
        GStatBuf st;
        g_assert_cmpint(g_stat(path, &st), ==, 0);
        g_assert_cmpint(st.st_mode & 0777, ==, 0600);
        const char *public = tb_link_key_public(key);
        g_assert_cmpstr(public, ==, tb_link_key_public(again));
        g_assert_true(tb_link_key_is_public(public));
        g_autofree char *proof = tb_link_key_sign(again, "lab-1", "nonce", NULL);
        g_assert_true(tb_link_key_verify(public, "lab-1", "nonce", NULL, proof));
        g_autofree char *named = tb_link_key_sign(again, "lab-1", "nonce", "a.example"),
                        *glued = tb_link_key_sign(again, "lab-1", "nonce\na.example", NULL);
        g_assert_true(tb_link_key_verify(public, "lab-1", "nonce", "a.example", named));
        g_assert_false(tb_link_key_verify(public, "lab-1", "nonce", "b.example", named)); /* passed on */
        g_assert_false(tb_link_key_verify(public, "lab-1", "nonce", NULL, named));
        g_assert_false(tb_link_key_verify(public, "lab-1", "nonce", "a.example", proof));
        g_assert_false(tb_link_key_verify(public, "lab-1", "nonce", "a.example", glued));
        g_assert_false(tb_link_key_verify(public, "lab-2", "nonce", NULL, proof));
        g_assert_false(tb_link_key_verify(public, "lab-1", "other", NULL, proof));
        g_assert_false(tb_link_key_verify(public, "lab-1", "nonce", NULL, ""));
        g_assert_false(tb_link_key_verify(public, "lab-1", "nonce", NULL, NULL));
        g_autofree char *bent = g_strdup(proof);
        bent[5] = bent[5] == 'A' ? 'B' : 'A';
        g_assert_false(tb_link_key_verify(public, "lab-1", "nonce", NULL, bent));
        g_assert_false(tb_link_key_is_public("x"));
        g_assert_false(tb_link_key_is_public(NULL));

        g_assert_true(g_file_set_contents(path, "no key", -1, NULL)); /* kept aside, and a new one made */
        g_autoptr(TbLinkKey) other = tb_link_key_open(path, &error);
        g_assert_no_error(error);
        g_assert_cmpstr(tb_link_key_public(other), !=, public);
        g_assert_false(tb_link_key_verify(tb_link_key_public(other), "lab-1", "nonce", NULL, proof));
        g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
        guint kept = 0;
        for (const char *name; (name = g_dir_read_name(dir));) {
                g_autofree char *file = g_build_filename(folder, name, NULL);
                kept += g_str_has_suffix(name, ".kept");
                g_unlink(file);
        }
        g_assert_cmpuint(kept, ==, 1);
        g_rmdir(folder);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        tb_log_init(TB_LOG_ERROR, false);
        g_test_add_func("/link-key/key", test_key);
        return g_test_run();
}
