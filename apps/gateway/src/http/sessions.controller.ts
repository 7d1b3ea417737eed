import { Controller } from '@nestjs/common';
import type { Login, Session } from '@v3vee/contracts';
import { Endpoint } from './endpoint';
import { LoginCodes } from './login-codes';
import { Tokens } from './token';

/** How a browser gets in. Whoever comes here was authenticated like everybody else, or by a login code. */
@Controller()
export class SessionsController {
  constructor(
    private readonly codes: LoginCodes,
    private readonly tokens: Tokens,
  ) {}

  @Endpoint('createLogin')
  login(): Login {
    return this.codes.make();
  }

  @Endpoint('createSession')
  session(): Session {
    return this.tokens.session();
  }
}
