/**
 * Signed texts that others published, exactly as they did; nothing here was made for this project.
 *
 * - RFC 7515, appendix A: https://www.rfc-editor.org/rfc/rfc7515#appendix-A
 * - RFC 7520, section 4, and RFC 7797, section 4, and RFC 8037, appendix A: the same texts as in the
 *   public repository ietf-jose/cookbook. (IETF Trust, code components under the Revised BSD License.)
 * - Project Wycheproof, testvectors_v1/json_web_signature_test.json: a few of its 401 tests by their
 *   `tcId`. (Copyright Google LLC and contributors, Apache License 2.0; values unchanged.)
 *
 * `rfc7515_vectors_test.ts` first shows with the platform's own functions that they are what they
 * claim to be, so that a slip in copying cannot pass unseen.
 */
import type { Jwk } from "./tokens.ts";

/** A signed text and the key that it verifies with. */
export interface Vector {
  /** Where it stands. */
  readonly name: string;
  readonly alg: string;
  readonly jws: string;
  /** The public key, or for HS256 the secret one; `undefined` where nothing is signed. */
  readonly key: Jwk | undefined;
}

/** The claims of RFC 7515's examples: `{"iss":"joe",\r\n "exp":1300819380,\r\n ...}`. */
const JOE =
  "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";

/** `exp` of these claims, seconds since the epoch. */
export const JOE_EXP = 1_300_819_380;

const HS256_KEY: Jwk = {
  kty: "oct",
  k: "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow",
};

/** RFC 7515, appendix A.1. */
export const RFC7515_A1: Vector = {
  name: "RFC 7515 A.1",
  alg: "HS256",
  jws:
    `eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.${JOE}.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk`,
  key: HS256_KEY,
};

/** RFC 7515, appendix A.2. */
export const RFC7515_A2: Vector = {
  name: "RFC 7515 A.2",
  alg: "RS256",
  jws:
    `eyJhbGciOiJSUzI1NiJ9.${JOE}.cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw`,
  key: {
    kty: "RSA",
    n: "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ",
    e: "AQAB",
  },
};

/** The other examples of RFC 7515, appendix A: by algorithms that are not accepted. */
export const RFC7515_OTHERS: readonly Vector[] = [
  {
    name: "RFC 7515 A.3",
    alg: "ES256",
    jws:
      `eyJhbGciOiJFUzI1NiJ9.${JOE}.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q`,
    key: {
      kty: "EC",
      crv: "P-256",
      x: "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
      y: "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
    },
  },
  {
    name: "RFC 7515 A.4",
    alg: "ES512",
    jws:
      "eyJhbGciOiJFUzUxMiJ9.UGF5bG9hZA.AdwMgeerwtHoh-l192l60hp9wAHZFVJbLfD_UxMi70cwnZOYaRI1bKPWROc-mZZqwqT2SI-KGDKB34XO0aw_7XdtAG8GaSwFKdCAPZgoXD2YBJZCPEX3xKpRwcdOO8KpEHwJjyqOgzDO7iKvU8vcnwNrmxYbSW9ERBXukOXolLzeO_Jn",
    key: {
      kty: "EC",
      crv: "P-521",
      x: "AekpBQ8ST8a8VcfVOTNl353vSrDCLLJXmPk06wTjxrrjcBpXp5EOnYG_NjFZ6OvLFV1jSfS9tsz4qUxcWceqwQGk",
      y: "ADSmRA43Z1DSNx_RvcLI87cdL07l6jQyyBXMoxVg_l2Th-x3S1WDhjDly79ajL4Kkd0AZMaZmh9ubmf63e3kyMj2",
    },
  },
  {
    name: "RFC 7515 A.5",
    alg: "none",
    jws: `eyJhbGciOiJub25lIn0.${JOE}.`,
    key: undefined,
  },
];

/** The payload of RFC 7520's examples, a sentence. */
const FRODO =
  "SXTigJlzIGEgZGFuZ2Vyb3VzIGJ1c2luZXNzLCBGcm9kbywgZ29pbmcgb3V0IHlvdXIgZG9vci4gWW91IHN0ZXAgb250byB0aGUgcm9hZCwgYW5kIGlmIHlvdSBkb24ndCBrZWVwIHlvdXIgZmVldCwgdGhlcmXigJlzIG5vIGtub3dpbmcgd2hlcmUgeW91IG1pZ2h0IGJlIHN3ZXB0IG9mZiB0by4";

const BILBO: Jwk = {
  kty: "RSA",
  kid: "bilbo.baggins@hobbiton.example",
  use: "sig",
  n: "n4EPtAOCc9AlkeQHPzHStgAbgs7bTZLwUBZdR8_KuKPEHLd4rHVTeT-O-XV2jRojdNhxJWTDvNd7nqQ0VEiZQHz_AJmSCpMaJMRBSFKrKb2wqVwGU_NsYOYL-QtiWN2lbzcEe6XC0dApr5ydQLrHqkHHig3RBordaZ6Aj-oBHqFEHYpPe7Tpe-OfVfHd1E6cS6M1FZcD1NNLYD5lFHpPI9bTwJlsde3uhGqC0ZCuEHg8lhzwOHrtIQbS0FVbb9k3-tVTU4fg_3L_vniUFAKwuCLqKnS2BYwdq_mzSnbLY7h_qixoR7jig3__kRhuaxwUkRz5iaiQkqgc5gHdrNP5zw",
  e: "AQAB",
};

/** RFC 7520, section 4.1. */
export const RFC7520_4_1: Vector = {
  name: "RFC 7520 4.1",
  alg: "RS256",
  jws:
    `eyJhbGciOiJSUzI1NiIsImtpZCI6ImJpbGJvLmJhZ2dpbnNAaG9iYml0b24uZXhhbXBsZSJ9.${FRODO}.MRjdkly7_-oTPTS3AXP41iQIGKa80A0ZmTuV5MEaHoxnW2e5CZ5NlKtainoFmKZopdHM1O2U4mwzJdQx996ivp83xuglII7PNDi84wnB-BDkoBwA78185hX-Es4JIwmDLJK3lfWRa-XtL0RnltuYv746iYTh_qHRD68BNt1uSNCrUCTJDt5aAE6x8wW1Kt9eRo4QPocSadnHXFxnt8Is9UzpERV0ePPQdLuW3IS_de3xyIrDaLGdjluPxUAhb6L2aXic1U12podGU0KLUQSE_oI-ZnmKJ3F4uOZDnd6QZWJushZ41Axf_fcIe8u9ipH84ogoree7vjbU5y18kDquDg`,
  key: BILBO,
};

/** RFC 7520, section 4.4. */
export const RFC7520_4_4: Vector = {
  name: "RFC 7520 4.4",
  alg: "HS256",
  jws:
    `eyJhbGciOiJIUzI1NiIsImtpZCI6IjAxOGMwYWU1LTRkOWItNDcxYi1iZmQ2LWVlZjMxNGJjNzAzNyJ9.${FRODO}.s0h6KThzkfBBBkLspW1h84VsJZFTsPPqMDA7g1Md7p0`,
  key: { kty: "oct", k: "hJtXIZ2uSN5kbQfbtTNWbpdmhkV8FJG-Onbc6mxCcYg" },
};

/** The compact examples of RFC 7520 and RFC 8037 by algorithms that are not accepted. */
export const RFC7520_OTHERS: readonly Vector[] = [
  {
    name: "RFC 7520 4.2",
    alg: "PS384",
    jws:
      `eyJhbGciOiJQUzM4NCIsImtpZCI6ImJpbGJvLmJhZ2dpbnNAaG9iYml0b24uZXhhbXBsZSJ9.${FRODO}.cu22eBqkYDKgIlTpzDXGvaFfz6WGoz7fUDcfT0kkOy42miAh2qyBzk1xEsnk2IpN6-tPid6VrklHkqsGqDqHCdP6O8TTB5dDDItllVo6_1OLPpcbUrhiUSMxbbXUvdvWXzg-UD8biiReQFlfz28zGWVsdiNAUf8ZnyPEgVFn442ZdNqiVJRmBqrYRXe8P_ijQ7p8Vdz0TTrxUeT3lm8d9shnr2lfJT8ImUjvAA2Xez2Mlp8cBE5awDzT0qI0n6uiP1aCN_2_jLAeQTlqRHtfa64QQSUmFAAjVKPbByi7xho0uTOcbH510a6GYmJUAfmWjwZ6oD4ifKo8DYM-X72Eaw`,
    key: BILBO,
  },
  {
    name: "RFC 7520 4.3",
    alg: "ES512",
    jws:
      `eyJhbGciOiJFUzUxMiIsImtpZCI6ImJpbGJvLmJhZ2dpbnNAaG9iYml0b24uZXhhbXBsZSJ9.${FRODO}.AE_R_YZCChjn4791jSQCrdPZCNYqHXCTZH0-JZGYNlaAjP2kqaluUIIUnC9qvbu9Plon7KRTzoNEuT4Va2cmL1eJAQy3mtPBu_u_sDDyYjnAMDxXPn7XrT0lw-kvAD890jl8e2puQens_IEKBpHABlsbEPX6sFY8OcGDqoRuBomu9xQ2`,
    key: {
      kty: "EC",
      kid: "bilbo.baggins@hobbiton.example",
      use: "sig",
      crv: "P-521",
      x: "AHKZLLOsCOzz5cY97ewNUajB957y-C-U88c3v13nmGZx6sYl_oJXu9A5RkTKqjqvjyekWF-7ytDyRXYgCF5cj0Kt",
      y: "AdymlHvOiLxXkEhayXQnNCvDX4h9htZaCJN34kfmC6pV5OhQHiraVySsUdaQkAgDPrwQrJmbnX9cwlGfP-HqHZR1",
    },
  },
  {
    name: "RFC 8037 A.4",
    alg: "EdDSA",
    jws:
      "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg",
    key: {
      kty: "OKP",
      use: "sig",
      crv: "Ed25519",
      x: "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
    },
  },
];

/** Examples that are no whole compact JWS. */
export const NOT_COMPACT = {
  /** RFC 7520, section 4.5: the payload travels apart. */
  detached: RFC7520_4_4.jws.replace(FRODO, ""),
  /** RFC 7520, section 4.6: flattened JSON, with a header that is not signed. */
  flattened: JSON.stringify({
    payload: FRODO,
    protected: "eyJhbGciOiJIUzI1NiJ9",
    header: { kid: "018c0ae5-4d9b-471b-bfd6-eef314bc7037" },
    signature: "bWUSVaxorn7bEF1djytBd0kHv70Ly5pvbomzMWSOr20",
  }),
  /** RFC 7797, section 4.2, header as printed there, the payload not encoded. */
  unencoded:
    "eyJhbGciOiJIUzI1NiIsImI2NCI6ZmFsc2UsImNyaXQiOlsiYjY0Il19..A5dxf2s96_n5FLueVuW1Z_vh161FwXZC4YLPff6dmDY",
} as const;

/** The RS256 key of Wycheproof's third test group. */
export const WYCHEPROOF_KEY: Jwk = {
  kty: "RSA",
  alg: "RS256",
  use: "sig",
  kid: "kid-rsa-sign",
  n: "kqGboBfAWttWPCA-0cGRgsY6SaYoIARt0B_PkaEcIq9HPYNdu9n6UuWHuuTHrjF_ZoQW97r5HaAorNvrMEGTGdxCHZdEtkHvNVVmrtxTBLiQCbCozXhFoIrVcr3qUBrdGnNn_M3jJi7Wg7p_-x62nS5gNG875oyheRkutHsQXikFZwsN3q_TsPNOVlCiHy8mxzaFTUQGm-X8UYexFyAivlDSjgDJLAZSWfxd7k9Gxuwa3AUfQqQcVcegmgKGCaErQ3qQbh1x7WB6iopE3_-GZ8HMAVtR9AmrVscqYsnjhaCehfAI0iKKs8zXr8tISc0ORbaalrkk03H1ZrsEnDKEWQ",
  e: "AQAB",
};

/** What that group's signatures are over: the payload `foo`. */
export const WYCHEPROOF_INPUT = "eyJhbGciOiJSUzI1NiIsImtpZCI6ImtpZC1yc2Etc2lnbiJ9.Zm9v";

/** tcId 33: the right signature. */
export const WYCHEPROOF_VALID =
  "HUwxI1-cZrZgcuOgBQ7G7NE-GrqK79l6GV1KT4DKXnSMFwC8pfZCzE7pmLE7mYpLCIvzC87yuOjuhT0uW5oe6aaAEtR978cm-q8dfly45flqMrd_ifhi9GCsMlyi8dpQ42Ou1etZljFZuWjfyk8CN1c5DaHRwhqjScAPIFp6xmzKIRUJ_xdQfUSfSlujLaixtScU518EoNP4oo1v7E8RAz6ZO4g2N4Xqs8OvSxYydcoTEg42QnLHe9JnXgI37Q5gSwinwaPsG3Ry56UYiLoL8mCUa74S51y02VsIgVmmGWgaXjM-i_lCiKQDBiBnvWlka4XhVuvd6ZWibM9cbCPtPg";

/** Signatures of that group that hold the right hash in a wrong PKCS #1 padding. */
export const WYCHEPROOF_MODIFIED_PADDING: readonly (readonly [name: string, signature: string])[] =
  [
    [
      "tcId 46, lengthOfSequenceUsesLongFormEncoding",
      "KudI1-Bo-NhWAmNYu-aEGQA3ciNp-gKgGJETRino-l25uRh9peU1GWjmFfnda0SSZK8msCFMQ-ibIZxkwC1CUjxBRNwG1LqVtBa2mHtedT3lxKaS0nAQAzhsg0XWAEUjgnH1qtsYXknGzh-Vi_uVsu2yfPy6YhH9_8Ian984VRMzitHDzeNVcm1jc4vcB6iFicSl4cXWSijLxJSlVkDqMi8Neb3Zw-NQI3mQIt_3Eq51MncS-1vLBr0_qdAFREXVduyb-gRzgGSrE2pMxEO4Bbp5fvYnjaKsSdtNVvzayKwBDO418mfGzRbQyzpR2EeAFGIAkVRb_Mfh7Uil8nhBeg",
    ],
    [
      "tcId 47, lengthOfSequenceContainsALeading0",
      "X8GIjUhtXgLeqJWHkaPaofWGF3PEJx0NpL8aj6sMI7d_gJyhERVrTvZQDEStdB6u3KLWPFc546RqawGYVaFEi_DmlIDfULOOx0bIxp1SDkDLHCaGXKq4pFd_vKngHu-Q2hr4A8WxdO-zaU99MSvlGrfUD5tdSpSV1yfdxSz0NRX0e60jA4Jx9iUbbC5i9iKj9DrxEmXm_EOygBiOlAH4_DfryfggoIFt3sp0LGcEEHsDc_oeFChLatwHhoSFqhK-ak-GF4Zsz8VW0K14gCufcNyWM4W-Qnv9UvHZaq39LE5akGUc7DxTFcnriw0gs1CtLl-u4-8vma6bBkHTanQ92Q",
    ],
    [
      "tcId 49, lengthOfSequenceUses48InsteadOf49",
      "PLykI28j5VLdVstbF135Xjj-10-NiV5Ewyzb3o_uL-jhfXtwSxhuCilHDYDHpv-pmP74XCtHLd6sNXuQbLjHm0J_FAN3yZk55rewcRKoMooGwWfszTtqgjlpW5I288YPeQTijpi599wF4hZrE6K1bEdOF5cyo8nopaQUqHV6cHYy1sGQJA6z7bODdyJ-jF9nK8lbZB58ZC4_KUVX3Jxr9l_B1yyvvSjJirddVpoGFlF4Qa9VenQ8QCCY9ir8zTNAUAqjHh5BD4U-F60_0rXQKkC5tSDb0O_jFBpQ8LLKMEvxqjrhwN6Zx3IyaewEgV6e4gTZwxqyKJItlui7cWTZIg",
    ],
    [
      "tcId 63, appendingUnused0'sToSequence",
      "NznBrBiN-MEEZMN09zKsdHwKb4KbAPf8jliegLr4NpHSjxsITE7Miu4nqQnzeEp5ows6zRzE99bzeUpvaZFWK6pDVOdsT057xg6rTqKEbUIMrWHZL4EH0toXRgtC2P-1J0uzifflUTheqPVuk4sqJHkvhf6jYZa-jQoZjxWgF6GP-VmVTpRfP2aesVEqKiaYfBno4ns8a02fGXZAmtT2folGABPxmLa6LfQiQOmUiy_GQEFihsgh53VXDZemlTub_dfVw__cLSyt-oatzBDLyLPJA3IWwMaV2jrFsvA8V39BceTL7rPpn4NIVL-yf8cPa09UhLTPHHgSgNdRILVRvA",
    ],
    [
      "tcId 64, appendingNullValueToSequence",
      "DXI8YCdiic891lC1M5wXkdRNipUFaUxGxiZ6sIcKyoEb2v4UWCr72TR5tJeMSVr1hTO63pCN59OJsscP3tz1KALFHH2x5m9axNdluFcQHKowweZ7XOjxp5k2t9L-Z0h4FhbGUvUTH6kUu76LCKv10bR9ukXljkG1XF10q78d48KsRf62NdxlaFAfq5CdHJajlJEpYehIDmoOvtpeHWj3ES6_eyKHwYnJxbXPYUl5VRWMx2UwLioD_z_eX8MJ9jXgFBXURqnBm8ZUiVW45T2ESz8fZduGa2cuQ5JSBm-uP9ihj0zf7k31jm8bOxZ_i-feziZM0kArl8dRvihD0p1uiQ",
    ],
    [
      "tcId 67, appendingGarbageToSequence",
      "g0Goh_8s8jz8rKG5i3uMNLLtrYG4YMbjyLQ-D8lwtLPlQ60_47-QcCiEO3-WTqqe99HfzRPuq3SI6kZiZMR2Yh3W07pKcI6ZYTdM2rEby-t_1vSBEafGKT7LbuJ9EdcIDWIe4ikleVsVYoBTGNDtPnIJAtCVMG2I82sIZaOmQBVmlmyz_CwAZyZ7ER4CyV0EsYom3jcUT716BQYPWHyvljAG211J0MgjyGONxiGijUCxJ3B09rPpg_alZ56VI3luJHsH89VfZc0ufX2mmr8muamI9WIa1OHJCP0XUPK1OtPDqkt1V2tY7vReaa2nYfT9oQ-MCIsOBCA8qDpicDU6fw",
    ],
  ];
