#include "host/vnc/hello.h"

#include <string.h>
#include <sys/random.h>

#include <rfb/rfb.h>

#include "lib/error.h"

#define VERSION_SIZE 12
#define SECURITY_NONE 1
#define SECURITY_VNC 2

struct TbVncHello {
        char *password, *view_password, *refuse; /* owned; nullable */
        TbRole open_role, role;
        TbVncHelloStep step;
        int minor;
        guint8 challenge[TB_VNC_CHALLENGE];
        bool wrong_password;
};

TbVncHello *tb_vnc_hello_new(const TbVncHelloOptions *options, GByteArray *out)
{
        TbVncHello *hello = g_new0(TbVncHello, 1);
        hello->password = g_strdup(options->password);
        hello->view_password = g_strdup(options->view_password);
        hello->refuse = g_strdup(options->refuse);
        hello->open_role = options->open_role;
        g_byte_array_append(out, (const guint8 *)"RFB 003.008\n", VERSION_SIZE);
        return hello;
}

static void secret_free(char *secret)
{
        if (secret)
                explicit_bzero(secret, strlen(secret));
        g_free(secret);
}

void tb_vnc_hello_free(TbVncHello *hello)
{
        if (!hello)
                return;
        secret_free(hello->password);
        secret_free(hello->view_password);
        g_free(hello->refuse);
        g_free(hello);
}

static void put_u32(GByteArray *out, guint32 value)
{
        guint32 be = GUINT32_TO_BE(value);
        g_byte_array_append(out, (const guint8 *)&be, sizeof be);
}

static void put_reason(GByteArray *out, const char *reason)
{
        put_u32(out, (guint32)strlen(reason));
        g_byte_array_append(out, (const guint8 *)reason, (guint)strlen(reason));
}

static void let_in(TbVncHello *hello, TbRole role)
{
        hello->role = role;
        hello->step = TB_VNC_HELLO_INIT;
}

static void challenge(TbVncHello *hello, GByteArray *out)
{
        gsize have = 0;
        while (have < sizeof hello->challenge) {
                ssize_t n = getrandom(hello->challenge + have, sizeof hello->challenge - have, 0);
                if (n > 0)
                        have += (gsize)n;
        }
        g_byte_array_append(out, hello->challenge, sizeof hello->challenge);
        hello->step = TB_VNC_HELLO_AUTH;
}

static gssize feed_version(TbVncHello *hello, const guint8 *bytes, GByteArray *out, GError **error)
{
        if (memcmp(bytes, "RFB ", 4) != 0 || bytes[7] != '.' || bytes[11] != '\n') {
                tb_set_error(error, TB_ERROR_INVALID, "not an RFB version");
                return -1;
        }
        int number[2] = {0, 0};
        for (int i = 0; i < 2; i++) {
                for (int k = 0; k < 3; k++) {
                        guint8 digit = bytes[4 + 4 * i + k];
                        if (!g_ascii_isdigit(digit)) {
                                tb_set_error(error, TB_ERROR_INVALID, "not an RFB version");
                                return -1;
                        }
                        number[i] = number[i] * 10 + (digit - '0');
                }
        }
        if (number[0] != 3 && number[0] != 4) { /* RealVNC says 4.x and speaks 3.8 */
                tb_set_error(error, TB_ERROR_INVALID, "RFB version %d is not spoken here", number[0]);
                return -1;
        }
        /* RFC 6143 §7.1.1: what is not known is 3.3; above 3.8 it is 3.8 */
        hello->minor = number[0] == 4 || number[1] >= 8 ? 8 : number[1] == 7 ? 7 : 3;

        bool secret = hello->password || hello->view_password;
        if (hello->refuse) {
                if (hello->minor == 3)
                        put_u32(out, 0);
                else
                        g_byte_array_append(out, (const guint8[]){0}, 1);
                put_reason(out, hello->refuse);
                hello->step = TB_VNC_HELLO_FAILED;
        } else if (hello->minor == 3) {
                put_u32(out, secret ? SECURITY_VNC : SECURITY_NONE);
                if (secret)
                        challenge(hello, out);
                else
                        let_in(hello, hello->open_role);
        } else {
                g_byte_array_append(out, (const guint8[]){1, secret ? SECURITY_VNC : SECURITY_NONE}, 2);
                hello->step = TB_VNC_HELLO_SECURITY;
        }
        return VERSION_SIZE;
}

static gssize feed_security(TbVncHello *hello, guint8 type, GByteArray *out, GError **error)
{
        bool secret = hello->password || hello->view_password;
        if (type != (secret ? SECURITY_VNC : SECURITY_NONE)) {
                tb_set_error(error, TB_ERROR_INVALID, "security type %d was not offered", type);
                return -1;
        }
        if (secret) {
                challenge(hello, out);
        } else {
                if (hello->minor == 8)
                        put_u32(out, 0);
                let_in(hello, hello->open_role);
        }
        return 1;
}

static bool answers(const TbVncHello *hello, const char *password, const guint8 *bytes)
{
        if (!password)
                return false;
        guint8 expected[TB_VNC_CHALLENGE];
        tb_vnc_respond(password, hello->challenge, expected);
        return tb_secret_equal(expected, bytes, sizeof expected);
}

static gssize feed_auth(TbVncHello *hello, const guint8 *bytes, GByteArray *out)
{
        if (answers(hello, hello->password, bytes)) {
                put_u32(out, 0);
                let_in(hello, TB_ROLE_OPERATOR);
        } else if (answers(hello, hello->view_password, bytes)) {
                put_u32(out, 0);
                let_in(hello, TB_ROLE_VIEWER);
        } else {
                put_u32(out, 1);
                if (hello->minor == 8)
                        put_reason(out, "wrong password");
                hello->wrong_password = true;
                hello->step = TB_VNC_HELLO_FAILED;
        }
        return TB_VNC_CHALLENGE;
}

gsize tb_vnc_hello_want(const TbVncHello *hello)
{
        switch (hello->step) {
        case TB_VNC_HELLO_VERSION: return VERSION_SIZE;
        case TB_VNC_HELLO_SECURITY: return 1;
        case TB_VNC_HELLO_AUTH: return TB_VNC_CHALLENGE;
        case TB_VNC_HELLO_INIT: return 1; /* the shared flag: everybody shares here */
        case TB_VNC_HELLO_DONE:
        case TB_VNC_HELLO_FAILED: return 0;
        }
        return 0;
}

gssize tb_vnc_hello_feed(TbVncHello *hello, const guint8 *bytes, gsize size, GByteArray *out, GError **error)
{
        gsize want = tb_vnc_hello_want(hello);
        if (want == 0 || size < want)
                return 0;
        switch (hello->step) {
        case TB_VNC_HELLO_VERSION: return feed_version(hello, bytes, out, error);
        case TB_VNC_HELLO_SECURITY: return feed_security(hello, bytes[0], out, error);
        case TB_VNC_HELLO_AUTH: return feed_auth(hello, bytes, out);
        case TB_VNC_HELLO_INIT: hello->step = TB_VNC_HELLO_DONE; return 1;
        case TB_VNC_HELLO_DONE:
        case TB_VNC_HELLO_FAILED: return 0;
        }
        return 0;
}

TbVncHelloStep tb_vnc_hello_step(const TbVncHello *hello)
{
        return hello->step;
}

TbRole tb_vnc_hello_role(const TbVncHello *hello)
{
        return hello->role;
}

bool tb_vnc_hello_wrong_password(const TbVncHello *hello)
{
        return hello->wrong_password;
}

void tb_vnc_respond(const char *password, const guint8 from[TB_VNC_CHALLENGE],
                    guint8 ret_response[TB_VNC_CHALLENGE])
{
        char key[9] = {0}; /* the library's argument is not const, and only 8 bytes count */
        g_strlcpy(key, password, sizeof key);
        memcpy(ret_response, from, TB_VNC_CHALLENGE);
        rfbEncryptBytes(ret_response, key);
        explicit_bzero(key, sizeof key);
}
