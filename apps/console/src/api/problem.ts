import type { FieldError, Problem } from '@v3vee/contracts';

/** An error as the gateway told it (RFC 9457), or UNREACHABLE where it told nothing. */
export class ApiError extends Error {
  constructor(
    readonly code: string,
    /** What kind of thing went wrong, for people. */
    readonly title: string,
    /** What was wrong, where, and what would be right. */
    detail: string,
    readonly fields: readonly FieldError[] = [],
  ) {
    super(detail);
    this.name = 'ApiError';
  }

  static unreachable(cause: unknown): ApiError {
    const why = cause instanceof Error ? cause.message : String(cause);
    return new ApiError('UNREACHABLE', 'The gateway cannot be reached', why);
  }

  /** Whatever was thrown. */
  static from(thrown: unknown): ApiError {
    if (thrown instanceof ApiError) return thrown;
    return new ApiError('INTERNAL', 'Something went wrong in this page', String(thrown));
  }

  static async ofResponse(response: Response): Promise<ApiError> {
    return ApiError.ofText(response.status, await response.text().catch(() => ''));
  }

  static ofText(status: number, text: string): ApiError {
    try {
      const { code, title, detail, errors } = JSON.parse(text) as Partial<Problem>;
      if (typeof code === 'string') return new ApiError(code, title ?? code, detail ?? '', errors);
    } catch {
      // no problem document
    }
    return new ApiError('INTERNAL', `The gateway answered ${status}`, text.slice(0, 200));
  }
}
